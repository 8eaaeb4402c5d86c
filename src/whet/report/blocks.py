"""What a page of a report is made of: sections of blocks that hold plain texts and figures. Frozen, slotted, without
behaviour. Texts are as they came: the template escapes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Cell:
    """What a place of a table shows."""

    text: str
    share: float | None = None
    """0 to 1: the length of a bar or the depth of a tint."""
    note: str = ""
    """Beside or below it, smaller."""
    strong: bool = False
    foreign: bool = False
    """Told in English, whatever the language of the page."""
    worded: bool = False
    """Words in a column of a table of numbers."""
    parts: tuple[tuple[str, float], ...] = ()
    """The text in pieces, each with how much it speaks for (above 0) or against the answer, at most 1."""
    note_parts: tuple[tuple[str, float], ...] = ()
    """The note, likewise."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells below a heading of columns; the first cell of a row names it."""

    kind: ClassVar[str] = "table"
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    style: str = "plain"
    """`plain`, `bars`, `heat` or `texts` (long ones, which a phone shows below each other)."""
    note: str = ""
    """Below it."""
    numbers: bool = True
    """Whether all columns but the first hold numbers."""
    filter: bool = False
    """Whether rows can be looked for by their words."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Names with what they stand for."""

    kind: ClassVar[str] = "facts"
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing. `label` tells what it shows to whoever does not see it."""

    title: str
    svg: str
    label: str
    keys: tuple[tuple[str, str], ...] = ()
    """Colour (`accent`, `muted`) and what is drawn in it."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Drawings side by side where there is room."""

    kind: ClassVar[str] = "figures"
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """A command to copy."""

    kind: ClassVar[str] = "code"
    text: str


@dataclass(frozen=True, slots=True)
class Prose:
    kind: ClassVar[str] = "prose"
    text: str
    foreign: bool = False


Block = Table | Facts | Figures | Code | Prose


@dataclass(frozen=True, slots=True)
class Section:
    """`key` is its anchor."""

    key: str
    title: str
    lead: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure at the head of the page."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    lang: str
    title: str
    about: str
    """What it is, above the title."""
    lead: str
    """The sentence that matters most."""
    tiles: tuple[Tile, ...]
    sections: tuple[Section, ...]
    words: dict[str, str] = field(default_factory=dict)
    """What the template itself says."""
