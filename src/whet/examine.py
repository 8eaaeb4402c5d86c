"""The data doctor over DATA, as `whet check` asks for it. Needs no torch."""

from __future__ import annotations

import dataclasses

from whet import prepare
from whet.config import Settings
from whet.data.doctor.look import check
from whet.records import Checked


def examine(data: object, settings: Settings) -> Checked:
    """Everything that is found in the data. What cannot be read raises DataError; a label that is
    missing is a finding."""
    rows = prepare.labelled(data, settings, gaps=True)
    checked = check(rows.sides, rows.columns, source=rows.name, drawn=prepare.sides_drawn(rows, settings))
    return dataclasses.replace(checked, notices=rows.notices)
