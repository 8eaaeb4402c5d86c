"""A text that is joined from several columns of a row: `{title}\\n{body}`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat

from whet.data.named import listed, match
from whet.data.spelling import spelled
from whet.data.store import Held, joined, mapped
from whet.errors import DataError, UsageError, did_you_mean, quoted
from whet.records import Table

# A brace that is written twice, the name of a column in braces, or text without braces.
PIECE = re.compile(r"(?P<brace>\{\{|\}\})|\{(?P<name>[^{}]+)\}|(?P<literal>[^{}]+)")


@dataclass(frozen=True, slots=True)
class Template:
    """Names of columns, and the text around them."""

    names: tuple[str, ...]
    """Of the columns in their order; one may stand twice."""
    literals: tuple[str, ...]
    """What stands before each name, and after the last: one more than names."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Each column once."""
        return tuple(dict.fromkeys(self.names))

    @property
    def written(self) -> str:
        """As `parse` reads it."""
        literals = [literal.replace("{", "{{").replace("}", "}}") for literal in self.literals]
        return literals[0] + "".join(f"{{{name}}}{after}" for name, after in zip(self.names, literals[1:], strict=True))

    def render(self, *columns: Iterable[str]) -> Iterator[str]:
        """The text of each row, from the values of each of `names`."""
        first, *others = self.literals
        pieces: list[Iterable[str]] = [repeat(first)]
        for values, after in zip(columns, others, strict=True):
            pieces += [values, repeat(after)]
        return map("".join, zip(*pieces, strict=False))  # literals have no end


def parse(text: str, *, where: str = "") -> Template | None:
    """The template that a string is, None where it has no braces and so can only be a name.

    `{name}` stands for the value of a column, `{{` and `}}` for braces. UsageError for a brace that stands alone and
    where no column is named.
    """
    if "{" not in text and "}" not in text:
        return None
    names, literals, place = [], [""], 0
    expected = "{COLUMN} for the value of a column, {{ and }} for braces"
    while place < len(text):
        piece = PIECE.match(text, place)
        if piece is None:
            saw = f"a brace without its other half, or without a name, at character {place + 1} of {quoted(text)}"
            raise UsageError(saw, where=where, expected=expected)
        place = piece.end()
        if piece["name"]:
            names.append(piece["name"])
            literals.append("")
        else:
            literals[-1] += piece["brace"][0] if piece["brace"] else piece["literal"]
    if not names:
        raise UsageError(f"no column is named in {quoted(text)}", where=where, expected=expected)
    return Template(tuple(names), tuple(literals))


def template_for(table: Table, given: str | None, *, where: str) -> Template | None:
    """The template that `given` is, under the table's own names of its columns; None where nothing is given, or the
    name of a column, there or not. DataError where columns of the template are not there, UsageError as `parse`."""
    if given is None or match(given, table.columns) is not None:
        return None
    template = parse(given, where=where)
    if template is None:
        return None
    own = {name: match(name, table.columns) for name in template.columns}
    missing = [name for name, found in own.items() if found is None]
    if missing:
        near = [hint for name in missing if (hint := did_you_mean(name, table.columns))]
        named = f"no column{'s' if len(missing) > 1 else ''} {', '.join(map(quoted, missing))}"
        raise DataError(
            f"{named} for the template {quoted(given)}",
            where=table.source,
            expected=f"some of {listed(table, list(table.columns))}",
            todo=". ".join(near) or f"Name a column that holds the whole text with {where}",
        )
    return Template(tuple(own[name] or name for name in template.names), template.literals)


def rendered(table: Table, written: str) -> Sequence[str]:
    """The text of each row of a table that has the columns of this template; a view of columns that memory does not
    hold. Values are spelled as those of a text column are, a missing one is ''. DataError for values that no text
    can hold, such as lists."""
    template = parse(written)
    assert template is not None
    values = {name: _spelled(table, name) for name in template.columns}
    columns = [values[name] for name in template.names]
    if not any(isinstance(column, Held) for column in columns):
        return tuple(template.render(*columns))
    before, first, *others = template.literals
    texts = mapped(columns[0], lambda value: f"{before}{value}{first}")
    for column, after in zip(columns[1:], others, strict=True):
        texts = joined(texts, column, partial(_continued, after=after))
    return texts


def _continued(text: str, value: str, after: str) -> str:
    return f"{text}{value}{after}"


def _spelled(table: Table, column: str) -> Sequence[str]:
    found = spelled(table.columns[column], table.places, f"{table.source}, column {quoted(column)}")
    return mapped(found, lambda value: "" if value is None else value)
