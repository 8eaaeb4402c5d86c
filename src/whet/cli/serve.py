"""`whet serve RUN`: a finished run behind HTTP, with a page to try it on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from whet.cli.jobs import language, resolve_and_tell, tell_engine
from whet.cli.options import Engine, Given, with_settings
from whet.errors import UsageError
from whet.server.limits import Limits
from whet.system import packages

DEADLINE = Limits().deadline

Host: TypeAlias = Annotated[
    str,
    typer.Option(
        "--host",
        metavar="ADDRESS",
        help="The address to listen on. One that others reach needs --token-file.",
        rich_help_panel="Server",
    ),
]
Port: TypeAlias = Annotated[
    int, typer.Option("--port", metavar="N", min=0, max=65_535, help="0 takes a free one.", rich_help_panel="Server")
]
TokenFile: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help="Answer only to clients that send the token in this file (Authorization: Bearer TOKEN).",
        rich_help_panel="Server",
    ),
]
AllowHost: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--allow-host",
        metavar="NAME,NAME",
        help="Further names that clients may ask under (Host).",
        rich_help_panel="Server",
    ),
]
Workers: TypeAlias = Annotated[
    int,
    typer.Option(
        "--workers", metavar="N", min=1, max=64, help="Processes, each with the model.", rich_help_panel="Server"
    ),
]
Deadline: TypeAlias = Annotated[
    float,
    typer.Option(
        "--deadline",
        metavar="SECONDS",
        min=0.1,
        max=600,
        help="The longest that a request waits for its answer.",
        rich_help_panel="Server",
    ),
]


@with_settings("device", "threads", "min_confidence", "lang", "quiet", "debug")
def serve(
    given: Given,
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A run folder, its model/ or export/ folder, last, or hf:NAME.")
    ],
    host: Host = "127.0.0.1",
    port: Port = 8_000,
    token_file: TokenFile = None,
    allow_host: AllowHost = None,
    workers: Workers = 1,
    deadline: Deadline = DEADLINE,
    engine: Engine = "auto",
) -> None:
    """Answer over HTTP, with a page to try the model on.

    Ctrl-C or SIGTERM ends it, after requests that were taken have been answered."""
    settings = resolve_and_tell(given).settings
    words = language(settings.lang)
    packages.require_serving()
    from whet import run as finished
    from whet.cli.output import stderr_console
    from whet.server import crew, process
    from whet.server.front import LOOPBACK

    asked = finished.load(run, engine=engine)
    token = None if token_file is None else _token(Path(token_file))
    shown = f"[{host}]" if ":" in host else host
    is_open = shown not in LOOPBACK
    if is_open and token is None:
        raise UsageError(
            f"others could reach {host}", where="--host", expected="a --token-file", todo="Or leave out --host"
        )
    if not settings.quiet:
        tell_engine(asked.chosen, words)
    names = frozenset(name.strip() for name in (allow_host or "").split(",")) - {""}
    plan = crew.Plan(
        asked.chosen.folder, asked.chosen.engine, asked.report, deadline, settings.min_confidence, settings.device,
        settings.threads, token, names, is_open, settings.quiet,
    )  # fmt: skip
    with process.bind("127.0.0.1" if host == "localhost" else host, port) as listening:
        address = f"http://{shown}:{listening.getsockname()[1]}"
        stderr_console().print(words("serving").format(address=address), soft_wrap=True)
        code = crew.alone(plan, listening) if workers == 1 else crew.together(plan, listening, workers)
    if code:
        raise typer.Exit(code)


def _token(path: Path) -> str:
    """The token in a file, without the white space around it. Raises UsageError for one that is easily guessed."""
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as fault:
        said = fault.strerror if isinstance(fault, OSError) else "not UTF-8"
        raise UsageError(f"{said}: {path}", where="--token-file") from None
    if len(token) < 16 or not token.isascii() or any(letter.isspace() for letter in token):
        raise UsageError(
            f"no usable token in {path}",
            where="--token-file",
            expected="at least 16 letters and digits without white space",
            todo="Make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    return token
