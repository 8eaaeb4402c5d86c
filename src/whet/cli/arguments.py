"""What a user wrote after a command, in the spelling that the command knows.

`--max_length` is `--max-length`; the spellings of transformers are understood and said to be; an
option that nobody knows is answered with the nearest one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from whet.errors import UsageError, did_you_mean
from whet.settings import config


@dataclass(frozen=True, slots=True)
class Understood:
    """Arguments as the command's own parser knows them, and a notice for each foreign spelling."""

    arguments: tuple[str, ...]
    notices: tuple[str, ...]


def understand(arguments: Sequence[str], flags: Mapping[str, bool], command: str) -> Understood:
    """Rewrites the arguments of one command.

    `flags` maps every option of the command to whether a value follows it. Unknown options and
    missing values raise UsageError, all of them at once.
    """
    written: list[str] = []
    notices: list[str] = []
    faults: list[UsageError] = []
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        if argument == "--":
            written += [argument, *waiting]
            break
        if not argument.startswith("-") or argument == "-":
            written.append(argument)
            continue
        asked, has_value, value = argument.partition("=")
        flag = _flag(asked, flags)
        if flag is None:
            faults.append(_unknown(asked, flags, command))
            continue
        if _key(asked) in config.ALIASES and flag != asked:
            notices.append(f"{asked} is called {flag} here and was understood")
        written.append(flag + has_value + value)
        if flags[flag] and not has_value:
            # A value that begins with two dashes can be written --flag=--value.
            if not waiting or waiting[0].startswith("--") or waiting[0] in flags:
                faults.append(UsageError(f"{flag} stands without a value", todo=f"Write {flag} and its value"))
            else:
                written.append(waiting.pop(0))
    if faults:
        first, *more = faults
        raise UsageError(first.saw, where=first.where, expected=first.expected, todo=first.todo, more=more)
    return Understood(tuple(written), tuple(notices))


def _key(flag: str) -> str:
    return flag.lstrip("-").replace("-", "_")


def _flag(asked: str, flags: Mapping[str, bool]) -> str | None:
    """The command's spelling of an option, None where it has no such option."""
    if asked in flags:
        return asked
    if not asked.startswith("--"):
        return None
    dashed = asked.replace("_", "-")
    meant = f"--{config.ALIASES.get(_key(asked), '').replace('_', '-')}"
    return dashed if dashed in flags else meant if meant in flags else None


def _unknown(asked: str, flags: Mapping[str, bool], command: str) -> UsageError:
    known = {f"--{setting.name.replace('_', '-')}" for setting in config.fields()}
    dashed = asked.replace("_", "-")
    if not asked.startswith("--"):
        todo = "Write -- before a text that begins with a dash"
    elif dashed in known:
        todo = f"It is an option of whet train; `{command} --help` shows those of {command}"
    else:
        todo = did_you_mean(dashed, flags) or f"`{command} --help` shows the options"
    return UsageError(f"unknown option {asked}", todo=todo)
