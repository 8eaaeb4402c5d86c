"""csv that a spreadsheet may open: no cell of it is computed, and every text comes back as it was."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable

# What a spreadsheet takes for a formula (OWASP, "CSV Injection"), behind apostrophes that stood there already.
_COMPUTED = re.compile("'*[=+\\-@\t\r]")


class _Line:
    """What csv.writer writes to: gives the record back. With line ends of its own it would leave a lone carriage return
    without quotation marks, at which a reader ends the row."""

    def write(self, record: str) -> str:
        return record.removesuffix("\r\n") + "\n"


_WRITERS = {delimiter: csv.writer(_Line(), delimiter=delimiter) for delimiter in (",", "\t")}


def line(cells: Iterable[str], delimiter: str = ",") -> str:
    """The cells as a record of csv (RFC 4180), or with tabs between them, which ends with a line feed."""
    written: str = _WRITERS[delimiter].writerow(cells)
    return written


def safe(text: str) -> str:
    """A text as a spreadsheet may have it: with an apostrophe before what begins like a formula, or with apostrophes
    and then like a formula. `original` takes it off."""
    return f"'{text}" if _COMPUTED.match(text) else text


def original(cell: str) -> str:
    """The text that `safe` was given."""
    return cell[1:] if cell.startswith("'") and _COMPUTED.match(cell) else cell
