"""What the report of a search says."""

from __future__ import annotations

from typing import Any

import pytest

from whet.report.search import _trials
from whet.report.words import Lang, Words

STUDY: dict[str, Any] = {
    "space": {"epochs": "1,2"}, "direction": "maximize", "best": 0,
    "trials": [{"number": 0, "state": "complete", "score": 0.5, "params": {"epochs": 2.0}, "seconds": 3.0}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("lang", "tested", "lead"),
    [
        (
            "en", True, "The best of many scores on the same validation rows is partly luck, and so too high: what the "
            "settings are worth the test side tells.",
        ),
        ("en", False, "The best of many scores on the same validation rows is partly luck, and so too high."),
        ("ko", False, "같은 검증 행에서 얻은 여러 점수 중 최고값은 운이 섞여 실제보다 높게 나옵니다."),
    ],
)  # fmt: skip
def test_the_test_side_is_named_where_there_is_one(lang: Lang, tested: bool, lead: str) -> None:
    assert _trials(STUDY, "macro F1", tested, Words(lang)).lead == lead
