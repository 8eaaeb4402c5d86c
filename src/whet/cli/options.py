"""Command-line options out of the settings: one definition in config.Settings, no second list."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

import typer

from whet import recipes
from whet.cli.helptext import ALL_HELP, HELP_FLAGS, HELP_TEXT, write_help
from whet.cli.output import stdout_console
from whet.settings import config
from whet.settings.values import METRICS
from whet.system import runtime

Given: TypeAlias = Mapping[str, object]
"""The settings that a command line names, and no others: a recipe's values stay where it is silent."""

Data: TypeAlias = Annotated[
    str | None,
    typer.Argument(
        metavar="DATA", help="A file, a folder, hf:NAME or sample:NAME. A recipe may name it.", show_default=False
    ),
]
"""What to train on, as an argument of a command."""


def engine_option(more: str = "", about: str = "") -> Any:
    """The option of what a finished run is answered with. `more`: a further engine, and what is said of it."""
    return typer.Option(
        "--engine",
        metavar="|".join(["auto|torch|onnx|int8", *([more] if more else [])]),
        help="What answers: torch, or onnx or int8 of an export. auto: the export's default where there is one."
        + (f" {more}: {about}" if more else ""),
        rich_help_panel="Model",
    )


Engine: TypeAlias = Annotated[str, engine_option()]

# Values that settings know beside free text.
NAMED: Mapping[str, Sequence[str]] = {
    "recipe": (), "model": ("auto", "embedded", "linear", "last"), "metric": ("auto", *METRICS),
    "teacher": ("last",),
}  # fmt: skip
LANG = "whet.lang"
"""Where the context of a command keeps what it was given for --lang, which --help comes before."""
_TYPES = config.types()  # once: it resolves every annotation anew
EVERY = tuple(setting.name for setting in config.fields())
METAVARS = {
    "recipe": "NAME|FILE", "text": "COLUMN|TEMPLATE", "pair": "COLUMN|none", "label": "COLUMN|A,B", "weight": "COLUMN",
    "group": "COLUMN", "label_separator": "TEXT", "label_names": "FILE|A,B", "positive": "LABEL",
    "test": "FILE|SPLIT|0.1|none", "validation": "FILE|SPLIT|0.1|none", "encoding": "NAME", "allow": "CODE,CODE",
    "model": "NAME|FOLDER|RUN", "metric": "NAME", "budget": "TIME", "output": "DIR", "mirror": "DIR",
    "class_weights": "balanced|FILE", "freeze": "embeddings|N|encoder", "corrections": "FILE", "slice": "COLUMN,COLUMN",
    "teacher": "RUN", "unlabelled": "FILE|FOLDER",
}  # fmt: skip


def with_settings(
    *names: str,
    brief: bool = False,
    defaults: Mapping[str, object] | None = None,
    helps: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command the options of these settings, in the order of config.

    The command takes them as its first parameter `given: Given`; its own parameters follow.
    `brief`: `--help` shows the common ones only, and `--help-all` is added. `defaults`: what the command
    takes where nobody gives a value, and `helps` what it says of a setting, where these are others than the setting's.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        settings = [setting for setting in config.fields() if setting.name in names]
        hints = get_type_hints(command, include_extras=True)
        own = [
            parameter.replace(annotation=hints[name])
            for name, parameter in inspect.signature(command).parameters.items()
            if name != "given"
        ]

        # Typer calls by keyword with whatever the signature below announces.
        def run(**values: Any) -> None:
            context: typer.Context = values.pop("context")
            for name in ("help", "help_all"):
                values.pop(name, None)
            texts = {setting.name: values.pop(setting.name) for setting in settings}
            given = {name: typed(name, text) for name, text in texts.items() if _was_given(context, name)}
            command(given, **values)

        parameters = [*own, *(_parameter(setting, brief, defaults or {}, helps or {}) for setting in settings)]
        parameters += _help_parameters(brief)
        parameters.append(inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context))
        parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by inspect.signature
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        return run

    return decorate


def typed(name: str, value: str | bool) -> object:
    """The value of an option in the setting's type. What is no number stays text, and `resolve`
    names it together with every other fault."""
    kinds = _kinds(name)
    if isinstance(value, bool) or str in kinds or "_" in value:
        return value
    for kind in (int, float):
        if int in kinds or float in kinds:
            try:
                return kind(value)
            except ValueError:
                continue
    return value


def default_text(setting: Field[Any], own: object = None) -> str | None:
    """A default as a user would write it; `own`: that of a command."""
    value = setting.default if own is None else own
    if value is None:
        return None
    if isinstance(value, float):
        mantissa, mark, exponent = f"{value:g}".partition("e")
        return f"{mantissa}e{int(exponent)}" if mark else mantissa
    return str(value)


def metavar(setting: Field[Any]) -> str:
    """What stands for the value in help: choices, N, X, or the kind of text."""
    choices = _choices(setting.name)
    if choices:
        return "|".join(choices)
    kinds = _kinds(setting.name)
    return METAVARS[setting.name] if str in kinds else "N" if int in kinds else "X"


def flags(setting: Field[Any]) -> str:
    """The option as Typer declares it: `--epochs`, `--fresh`, `--baseline/--no-baseline`."""
    dashed = setting.name.replace("_", "-")
    return f"--{dashed}/--no-{dashed}" if setting.default is True else f"--{dashed}"


def _offered(name: str) -> Callable[[str], list[str]] | None:
    """What a shell offers for the value of a setting that has a few; for others it offers files. Names of recipes are
    read when they are asked for, and not by every command."""
    if name not in NAMED and not _choices(name):
        return None

    def offer(incomplete: str) -> list[str]:
        values = recipes.names() if name == "recipe" else NAMED.get(name) or _choices(name)
        return [value for value in values if value.startswith(incomplete)]

    return offer


def _kinds(name: str) -> tuple[Any, ...]:
    hint = _TYPES[name]
    return (str,) if get_origin(hint) is Literal else get_args(hint) or (hint,)


def _choices(name: str) -> Sequence[str]:
    hint = _TYPES[name]
    return get_args(hint) if get_origin(hint) is Literal else ()


def _was_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _parameter(
    setting: Field[Any], brief: bool, defaults: Mapping[str, object], helps: Mapping[str, str]
) -> inspect.Parameter:
    limits = setting.metadata
    is_flag = isinstance(setting.default, bool)
    option = typer.Option(
        flags(setting),
        help=helps.get(setting.name, limits["help"]),
        rich_help_panel=limits["group"],
        hidden=brief and not limits["common"],
        metavar=None if is_flag else metavar(setting),
        autocompletion=_offered(setting.name),
    )
    kind: Any = bool if is_flag else str if setting.default is not None else str | None
    default = setting.default if is_flag else default_text(setting, defaults.get(setting.name))
    return inspect.Parameter(
        setting.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option]
    )


def help_option(flags: Sequence[str], text: str, *, everything: bool) -> Any:
    """An option that prints the help and ends. Typer's own would load pydantic first, a tenth of a
    second before every help."""

    def show(context: typer.Context, asked: bool) -> None:
        if asked:
            lang = runtime.language(context.meta.get(LANG, "auto"))
            write_help(stdout_console(), context.command, context.command_path, everything=everything, lang=lang)
            raise typer.Exit

    return typer.Option(*flags, help=text, is_eager=True, callback=show)


def _help_parameters(brief: bool) -> list[inspect.Parameter]:
    options = {"help_all": help_option([ALL_HELP], "Show every option.", everything=True)} if brief else {}
    options["help"] = help_option(HELP_FLAGS, HELP_TEXT, everything=False)
    return [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, option])
        for name, option in options.items()
    ]
