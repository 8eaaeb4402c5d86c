"""Pages of docs/ out of the program, and the schema of recipes: `python -m whet.cli.reference --check|--write`."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from whet.settings import config

WIDTH = 100
DOCS = Path(__file__).parents[3] / "docs"
REGENERATE = "python -m whet.cli.reference --write"


def cli_page() -> str:
    """The help of every command, `--help-all` where there is one."""
    import typer

    from whet.cli.app import app

    group: Any = typer.main.get_command(app)
    parts = [
        "# Command line\n",
        f"Written by `{REGENERATE}` from the program; do not edit.\n",
        "Results go to stdout, progress to stderr; with `--json` the last line of stdout is one JSON document. "
        "Exit codes: 0 done, 1 a bug of ours, 2 usage, 3 data, 4 model or run folder, 5 training fault, "
        "6 run folder busy, 7 disk or permission, 8 a required score not reached, 130 interrupted.\n",
        f"## whet\n\n```text\n{_help(group, 'whet')}```\n",
    ]
    for name, command in group.commands.items():
        parts.append(f"## whet {name}\n\n```text\n{_help(command, f'whet {name}')}```\n")
    return "\n".join(parts)


def settings_page() -> str:
    """A table for each group of settings."""
    from whet.cli.options import default_text, flags, metavar
    from whet.cli.reasons import REASONS

    parts = [
        "# Settings\n",
        f"Written by `{REGENERATE}` from the program; do not edit.\n",
        "The flag, the recipe key, the Python argument and the JSON key are one word (`--max-length` is "
        "`max_length`). A setting that changes the result is part of the name of the run's folder. The spellings of "
        "transformers are understood too, and answered with ours.\n",
    ]
    for group in config.GROUPS:
        rows = [
            "| flag | value | default, and why | what it does | what changing it does | changes the result "
            "| in transformers |",
            "| --- | --- | --- | --- | --- | --- | --- |",
        ]
        for setting in config.fields():
            if setting.metadata["group"] != group:
                continue
            why = REASONS[setting.name]
            is_flag = isinstance(setting.default, bool)
            value = "" if is_flag else f"`{metavar(setting)}`{_range(setting.metadata)}"
            default = ("on" if setting.default else "off") if is_flag else default_text(setting) or "none"
            changes = "yes" if setting.metadata["result"] else "no"
            spelled = ", ".join(f"`{alias}`" for alias, name in config.ALIASES.items() if name == setting.name)
            cells = (
                f"`{flags(setting)}`", value, f"{default}: {why.default}", setting.metadata["help"], why.effect,
                changes, spelled,
            )  # fmt: skip
            rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        parts.append(f"## {group}\n\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def schema_page() -> str:
    """The schema of recipes as a file."""
    from whet.cli.schema import recipe_schema

    return json.dumps(recipe_schema(), indent=2, ensure_ascii=False) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli_page, "settings.md": settings_page, "recipe.schema.json": schema_page,
}  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    """Writes the pages, or says which of them differ from the program; 1 where one does."""
    if list(arguments) not in (["--check"], ["--write"]):
        print("usage: python -m whet.cli.reference --check|--write", file=sys.stderr)
        return 2
    stale = []
    for name, page in PAGES.items():
        path = DOCS / name
        if arguments[0] == "--write":
            path.write_text(page(), encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != page():
            stale.append(name)
    for name in stale:
        print(f"docs/{name} differs from the program. Run: {REGENERATE}", file=sys.stderr)
    return 1 if stale else 0


def _help(command: Any, path: str) -> str:
    from rich.console import Console

    from whet.cli.helptext import write_help

    page = io.StringIO()
    # Neither the width nor the colours of the terminal that this runs in may show in the page.
    console = Console(
        file=page, width=WIDTH, color_system=None, force_terminal=False, highlight=False, markup=False, emoji=False
    )
    write_help(console, command, path, everything=True)
    return page.getvalue()


def _range(limits: Any) -> str:
    parts = [
        f"{word} {limits[key]}"
        for key, word in (("least", "at least"), ("above", "above"), ("most", "at most"))
        if limits[key] is not None
    ]
    return "".join(f", {part}" for part in parts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
