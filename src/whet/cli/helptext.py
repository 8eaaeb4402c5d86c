"""The help of every command, laid out by us: the same text on a terminal and in docs/cli.md; in Korean where asked."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from whet.settings.config import GROUPS

if TYPE_CHECKING:
    from rich.console import Console

WIDEST = 100
ALL_HELP = "--help-all"
HELP_FLAGS = ("-h", "--help")
HELP_TEXT = "Show this help."
MORE = "{hidden} more options are shown by `{path} --help-all`."

Say = Callable[[str], str]
"""A text of the help in the language that is asked for."""


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    help: str


def write_help(
    console: Console, command: Any, path: str, *, everything: bool, lang: Literal["en", "ko"] = "en"
) -> None:
    """Prints usage, description, arguments, commands and options of a command.

    `everything` shows the options that `--help` leaves out, too. In Korean what has no Korean text stays English.
    """
    console.width = min(console.width, WIDEST)
    with console.capture() as captured:
        _lay_out(console, command, path, everything, _speaker(lang))
    # Tables fill their lines with spaces, which would end up in every copied line.
    console.file.write("".join(line.rstrip() + "\n" for line in captured.get().splitlines()))


def _speaker(lang: Literal["en", "ko"]) -> Say:
    if lang == "en":
        return lambda text: text
    from whet.cli.korean_help import KOREAN

    return lambda text: KOREAN.get(text, text)


def _lay_out(console: Console, command: Any, path: str, everything: bool, say: Say) -> None:
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    subcommands = list(getattr(command, "commands", {}).values())
    usage = " ".join(
        [*(_usage(param) for param in arguments), *([say("COMMAND")] if subcommands else []), f"[{say('OPTIONS')}]"]
    )
    console.print(f"{say('Usage')}: {path} {usage}", style="bold")
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        console.print()
        console.print(paragraph if "\n  " in paragraph else say(paragraph.replace("\n", " ")))
    _section(console, say("Arguments"), [_Entry(param.metavar, say(param.help or "")) for param in arguments])
    entries = [_Entry(child.name, say(_first_sentence(child.help))) for child in subcommands]
    _section(console, say("Commands"), entries)
    sections, hidden = _options(command, everything, say)
    for group, entries in sections.items():
        _section(console, say(group), entries)
    if hidden:
        console.print()
        console.print(say(MORE).format(hidden=hidden, path=path))
    if command.epilog:
        console.print()
        heading, _, rest = command.epilog.partition("\n")
        console.print(say(heading), style="bold" if rest else "")
        if rest:
            console.print(rest, soft_wrap=True)


def _usage(argument: Any) -> str:
    name = argument.metavar + ("..." if argument.nargs != 1 else "")
    return name if argument.required else f"[{name}]"


def _options(command: Any, everything: bool, say: Say) -> tuple[dict[str, list[_Entry]], int]:
    """Group to its entries, groups of settings in their order, and how many options are left out."""
    found: dict[str, list[_Entry]] = {}
    hidden = 0
    for param in command.params:
        if param.param_type_name != "option":
            continue
        if param.hidden and not everything:
            hidden += 1
            continue
        found.setdefault(param.rich_help_panel or "Options", []).append(_Entry(_names(param), _help(param, say)))
    order = [*GROUPS, *(group for group in found if group not in GROUPS and group != "Options"), "Options"]
    return {group: found[group] for group in order if group in found}, hidden


def _names(param: Any) -> str:
    # --baseline/--no-baseline are opposites, -h and --help the same.
    names = "/".join([", ".join(param.opts), *param.secondary_opts])
    return names if param.is_flag else f"{names} {param.metavar}"


def _help(param: Any, say: Say) -> str:
    default = "" if param.is_flag or param.default is None else f" [{param.default}]"
    return f"{say(param.help or '')}{default}"


def _first_sentence(text: str | None) -> str:
    return inspect.cleandoc(text or "").split("\n\n")[0].replace("\n", " ")


def _section(console: Console, title: str, entries: list[_Entry]) -> None:
    from rich.padding import Padding
    from rich.table import Table

    if not entries:
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True, min_width=max(len(entry.name) for entry in entries))
    table.add_column(overflow="fold")  # else rich leaves letters out of lines that hold Hangul
    for entry in entries:
        table.add_row(entry.name, entry.help)
    console.print()
    console.print(title, style="bold")
    console.print(Padding(table, (0, 0, 0, 2), expand=False))
