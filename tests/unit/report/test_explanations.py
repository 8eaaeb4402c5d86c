"""explanations.json: which rows are explained, and what the file says of them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.score.test_occlusion import SEVERAL, TWO, VALUE, Counting
from whet.labels import LabelSet
from whet.records import Examples
from whet.report.explanations import document
from whet.score import mistakes

TEXTS = ["superb film", "awful", "nice awful", "film"]
TOKENS = np.array([4, 3, 4, 3])
TEST = Examples("test.csv", TEXTS, ["negative"] * 4, [f"line {i + 2}" for i in range(4)], [7, 8, 9, 10])


def test_the_file_has_the_rows_in_their_order_with_their_words() -> None:
    found = document(Counting(TWO), TEST, np.array([2, 0]), TOKENS, trained=0)
    assert found == {
        "format": 1,
        "wrong": 2,
        "explained": 2,
        "rows": [
            {
                "row_id": 9, "place": "line 4", "text": "nice awful", "label": "negative",
                "words": [{"start": 0, "end": 4, "weight": -1.0}, {"start": 5, "end": 10, "weight": 2.0}],
            },
            {
                "row_id": 7, "place": "line 2", "text": "superb film", "label": "positive",
                "words": [{"start": 0, "end": 6, "weight": 3.0}, {"start": 7, "end": 11, "weight": 0.0}],
            },
        ],
    }  # fmt: skip


def test_of_pairs_it_has_both_texts() -> None:
    test = Examples("test.csv", ["superb"], ["negative"], ["line 2"], [7], pairs=["awful"])
    (row,) = document(Counting(TWO), test, np.array([0]), np.array([5]), trained=0)["rows"]  # type: ignore[misc]
    assert (row["text2"], row["words2"]) == ("awful", [{"start": 0, "end": 5, "weight": -2.0}])


@pytest.mark.parametrize(
    ("least", "trained", "explained"),
    # The rows take 3 x 4, 2 x 3, 3 x 4 and 2 x 3 tokens.
    [(11, 0, 0), (12, 0, 1), (35, 0, 3), (36, 0, 4), (0, 79, 0), (0, 80, 1), (0, 1_000, 4)],
)
def test_as_many_rows_are_explained_as_a_part_of_the_training_would_do(
    monkeypatch: pytest.MonkeyPatch, least: int, trained: int, explained: int
) -> None:
    monkeypatch.setattr(mistakes, "LEAST_EXPLAINED", least)
    counting = Counting(TWO)
    found = document(counting, TEST, np.arange(4), TOKENS, trained=trained)
    assert (found["wrong"], found["explained"], len(found["rows"])) == (4, explained, explained)  # type: ignore[arg-type]
    assert sum(map(len, counting.asked)) == [0, 3, 5, 8, 10][explained]


def test_at_most_fifty_rows_are_explained() -> None:
    test = Examples("t", ["film"] * 80, ["a"] * 80, ["line 1"] * 80, list(range(80)))
    found = document(Counting(TWO), test, np.arange(80), np.full(80, 3), trained=0)
    assert (found["wrong"], found["explained"]) == (80, 50)


@pytest.mark.parametrize("labels", [TWO, SEVERAL, VALUE])
def test_where_nothing_is_wrong_nothing_is_explained(labels: LabelSet) -> None:
    found = document(Counting(labels), TEST, np.zeros(0, np.int64), TOKENS, trained=0)
    assert found == {"format": 1, "wrong": 0, "explained": 0, "rows": []}
