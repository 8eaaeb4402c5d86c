"""What a checkpoint gives back to each process of a job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.unit.small import classifier, encoded, sequences
from whet.records import StepRecord
from whet.system.runtime import Ranks
from whet.training.checkpoints import Checkpoints
from whet.training.keeper import Keeper
from whet.training.limit import Limit
from whet.training.loop import Recipe, Training
from whet.training.selection import Selection
from whet.training.state import NUMBERS
from whet.training.team import Alone

RECORD = StepRecord(1, 2, 0.5, 0.7, 1e-3, 100, 1.0)


class OfTwo(Alone):
    """One of two processes, the first of which knows what the other says."""

    def __init__(self, rank: int, other: Any = None) -> None:
        super().__init__(Ranks(rank, 2))
        self._other = other

    def meet(self, said: object = None) -> list[Any]:
        return [said, self._other]


def keeper(bert: Path, folder: Path, limit: Limit, team: Alone) -> tuple[Training, Keeper]:
    """A job of two steps."""
    made = classifier(bert)
    data, recipe = encoded(sequences([5] * 8, vocabulary=200)), Recipe(1.0, 4, 1e-3, 0.01, 0.0, 1.0, 1)
    training = Training(made, data, np.arange(8) % 3, recipe, limit=limit)
    selection = Selection(keep="last", patience=None)
    return training, Keeper(Checkpoints(folder), training, selection, made.model, team, 1, beside=False)


def test_each_process_has_its_own_limit_of_memory_back(tiny_bert: Path, tmp_path: Path) -> None:
    limits = [Limit(), Limit(12, recompute=True)]
    limits[0].token_bytes = 70.0
    other = keeper(tiny_bert, tmp_path, limits[1], OfTwo(1))[0].state().numbers["own"]
    keeper(tiny_bert, tmp_path, limits[0], OfTwo(0, other))[1].save(RECORD, None, {})
    (saved,) = tmp_path.iterdir()
    for rank in range(2):
        found = Limit()
        assert keeper(tiny_bert, tmp_path, found, OfTwo(rank))[1].load(saved) == (RECORD, None)
        assert found.state() == limits[rank].state()


def test_a_checkpoint_that_has_one_limit_for_all_processes_is_read_too(tiny_bert: Path, tmp_path: Path) -> None:
    keeper(tiny_bert, tmp_path, Limit(), Alone(Ranks(0, 1)))[1].save(RECORD, None, {})
    (saved,) = tmp_path.iterdir()
    content = json.loads((saved / NUMBERS).read_text())
    del content["ranks"][0]["limit"]
    content["limit"] = {"tokens": 40, "recompute": False, "token_bytes": 70.0}
    (saved / NUMBERS).write_text(json.dumps(content))
    found = Limit()
    keeper(tiny_bert, tmp_path, found, Alone(Ranks(0, 1)))[1].load(saved)
    assert found.state() == content["limit"]
