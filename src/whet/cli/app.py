"""The command `whet`: its commands, and how it ends: exit codes, one message for each fault."""

from __future__ import annotations

import errno
import sys
import traceback
from collections.abc import Sequence
from contextlib import nullcontext
from itertools import pairwise
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from whet import __version__
from whet.cli import adapt, check, compare, demo, doctor, evaluate, export, plan, predict, serve, train, tune
from whet.cli.arguments import understand
from whet.cli.examples import epilog
from whet.cli.helptext import HELP_FLAGS, HELP_TEXT, write_help
from whet.cli.options import LANG, help_option
from whet.cli.output import (
    StdoutClosedError,
    muted,
    prepared_streams,
    print_json,
    say_error,
    say_fault,
    silence,
    stderr_console,
    stdout_console,
)
from whet.errors import OutputError, UsageError, WhetError, did_you_mean
from whet.settings.config import Language
from whet.system import runtime

# The base of every fault that Typer's own copy of click raises; its module differs between versions.
PARSER_FAULT: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
DISK_FAULTS = (
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO, errno.EMFILE,
    errno.ENFILE,
)  # fmt: skip
NAME_FAULTS = (errno.ENAMETOOLONG, errno.ELOOP)  # of what somebody wrote for the name of a file
INTERRUPTED = 130
SHELLS = "bash, zsh, fish or PowerShell"
COMPLETION = {"--install-completion", "--show-completion"}  # Typer's own options
DIVIDED = (["train"], ["demo"])  # commands that several processes share; others are the first's alone


class Command(TyperCommand):
    """A command that understands other spellings of its options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if ctx.resilient_parsing:  # a line that is being typed: half of an option is no mistake
            for param in self.params:
                if isinstance(param, TyperOption):
                    param.hidden = False  # what --help leaves out is not left out where somebody types it
            return super().parse_args(ctx, args)
        understood = understand(args, _flags(self), ctx.command_path)
        for notice in understood.notices:
            print(f"note: {notice}", file=sys.stderr)
        ctx.meta[LANG] = _lang(understood.arguments)
        return super().parse_args(ctx, list(understood.arguments))


class Commands(TyperGroup):
    """The commands of whet."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        known = _flags(self)
        if args and args[0].startswith("-") and args[0] not in known and not ctx.resilient_parsing:
            todo = did_you_mean(args[0], known) or "Options stand after the command: whet train DATA --epochs 1"
            raise UsageError(f"unknown option {args[0]}", todo=todo)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        if name not in self.commands and not ctx.resilient_parsing:
            todo = did_you_mean(name, self.commands)
            if "." in name or "/" in name or ":" in name:
                todo = f"To train on this data write: whet train {name}"
            expected = f"one of {', '.join(self.commands)}"
            raise UsageError(f"unknown command {name}", expected=expected, todo=todo)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise StdoutClosedError from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    add_help_option=False,
    epilog="Start with `whet demo`, then `whet train YOUR.csv`.",
)
_COMMANDS = (
    demo.demo, check.check, plan.plan, train.train, adapt.adapt, tune.tune, evaluate.evaluate, predict.predict,
    compare.compare, export.export, serve.serve, doctor.doctor,
)  # fmt: skip
for _command in _COMMANDS:
    app.command(cls=Command, add_help_option=False, epilog=epilog(_command.__name__))(_command)


def _show_version(asked: bool) -> None:
    if asked:
        print(f"whet {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def whet(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", is_eager=True, callback=_show_version)
    ] = False,
    help: Annotated[bool, help_option(HELP_FLAGS, HELP_TEXT, everything=False)] = False,
) -> None:
    """Fine-tune a pretrained transformer on your labelled text, with an honest score."""
    if context.invoked_subcommand is None:
        write_help(stdout_console(), context.command, "whet", everything=False, lang=runtime.language("auto"))
        raise typer.Exit


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code; every fault ends as one message on stderr."""
    with prepared_streams():
        return _run(list(sys.argv[1:] if argv is None else argv))


def _run(arguments: list[str]) -> int:
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    debug, as_json = "--debug" in options, "--json" in options
    rank = runtime.ranks().rank
    if rank and arguments[:1] not in DIVIDED:
        return 0
    try:
        with muted() if rank else nullcontext():
            code = typer.main.get_command(app).main(arguments, prog_name="whet", standalone_mode=False)
        sys.stdout.flush()
        if code == 1 and COMPLETION & set(arguments):
            raise UsageError("no shell was recognised", expected=SHELLS, todo="Give the command in that shell itself")
    except (StdoutClosedError, BrokenPipeError):
        silence(sys.stdout)
        return 0
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except WhetError as fault:
        return _end(fault, debug, as_json)
    except PARSER_FAULT as fault:
        return _end(_usage(fault), debug, as_json)
    except OSError as fault:
        if fault.errno in NAME_FAULTS:
            return _end(UsageError(f"{fault.strerror}: {fault.filename}"), debug, as_json)
        if fault.errno not in DISK_FAULTS:
            return _end_bug(fault, debug, as_json)
        return _end(_disk(fault), debug, as_json)
    except Exception as fault:  # noqa: BLE001  # the last door: a bug must end as one line, too
        return _end_bug(fault, debug, as_json)
    if code == INTERRUPTED and not rank:
        print("interrupted", file=sys.stderr)
    return code if isinstance(code, int) else 0


def _lang(arguments: Sequence[str]) -> Language:
    """What --lang says of a language; auto for anything else, of which the command itself will tell."""
    given = [value for name, value in pairwise([*arguments, ""]) if name == "--lang"]
    given += [argument.removeprefix("--lang=") for argument in arguments if argument.startswith("--lang=")]
    return "en" if "en" in given[-1:] else "ko" if "ko" in given[-1:] else "auto"


def _flags(command: Any) -> dict[str, bool]:
    """Every option of a command, and whether a value follows it."""
    known: dict[str, bool] = {}
    for param in command.params:
        if param.param_type_name == "option":
            known |= dict.fromkeys([*param.opts, *param.secondary_opts], not param.is_flag)
    return known


def _usage(fault: Any) -> UsageError:
    """A fault of the parser, such as a missing argument, as one of ours."""
    message = str(fault.format_message()).replace("\n", " ").rstrip(".")
    if type(fault).__name__ == "MissingParameter" and getattr(fault, "param", None):
        message = f"missing {fault.param.metavar}"
    context = getattr(fault, "ctx", None)
    todo = f"`{context.command_path} --help` shows how it is written" if context else ""
    return UsageError(message[:1].lower() + message[1:], todo=todo)


def _disk(fault: OSError) -> OutputError:
    todo = "Raise the limit, which ulimit -n shows" if fault.errno in (errno.EMFILE, errno.ENFILE) else ""
    return OutputError(f"{fault.strerror}: {fault.filename or 'output'}", todo=todo)


def _is_told_elsewhere(fault: Exception) -> bool:
    """Of several processes the first on each machine tells a fault; another one tells what is
    marked as its own, which that one did not hear of."""
    return runtime.ranks().local > 0 and not hasattr(fault, "__notes__")


def _end(fault: WhetError, debug: bool, as_json: bool) -> int:
    if _is_told_elsewhere(fault):
        return fault.exit_code
    if debug:
        traceback.print_exc()
    console = stderr_console()
    say_fault(console, fault)
    if as_json:
        _say_json(fault.as_json())
    return fault.exit_code


def _end_bug(fault: Exception, debug: bool, as_json: bool) -> int:
    if _is_told_elsewhere(fault):
        return 1
    if debug:
        traceback.print_exc()
    said = str(fault).replace("\n", " ")
    message = (
        f"whet hit a bug: {type(fault).__name__}: {said}. Please report it"
        f"{'' if debug else '; --debug shows the traceback'}."
    )
    say_error(stderr_console(), message)
    if as_json:
        _say_json({"error": "bug", "exit_code": 1, "message": message})
    return 1


def _say_json(document: object) -> None:
    """Where stdout takes no more, which may be the fault itself, the exit code has to be enough."""
    try:
        print_json(document)
        sys.stdout.flush()
    except OSError:
        silence(sys.stdout)
