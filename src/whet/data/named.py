"""The columns of a table by their names, and the names by which a text and a label are known."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from whet.data.spelling import is_missing
from whet.errors import DataError, did_you_mean, quoted
from whet.records import Table

# Known names of the columns; of several that a table has, the earlier one is taken.
TEXT_NAMES = (
    "text", "sentence", "review", "document", "content", "comment", "body", "message", "tweet", "utterance",
    "본문", "텍스트", "문장", "리뷰", "내용", "댓글", "texts", "sentences", "reviews", "comments", "review_text",
    "review_body", "comment_text", "tweet_text",
)  # fmt: skip
LABEL_NAMES = (
    "label", "labels", "class", "category", "sentiment", "target", "y", "라벨", "레이블", "감정", "분류", "정답",
    "감성", "카테고리", "polarity", "emotion", "intent", "topic", "classes", "label_text", "label_name",
)  # fmt: skip

# Pairs of names that are taken for two texts of a row, without being told.
PAIR_NAMES = (
    ("text", "text2"), ("text1", "text2"), ("text_a", "text_b"), ("sentence", "sentence2"),
    ("sentence1", "sentence2"), ("sentence_1", "sentence_2"), ("sentence_a", "sentence_b"),
    ("premise", "hypothesis"), ("question1", "question2"), ("question", "sentence"), ("query", "passage"),
    ("문장1", "문장2"), ("전제", "가설"), ("질문1", "질문2"),
)  # fmt: skip

SHOWN = 10  # columns listed before the rest is counted


def match(name: str, columns: Iterable[str]) -> str | None:
    """The column of that name: exactly, else the only one that differs by case, outer spaces or how its
    letters are composed."""
    columns = list(columns)
    if name in columns:
        return name
    alike = [column for column in columns if _folded(column) == _folded(name)]
    return alike[0] if len(alike) == 1 else None


def listed(table: Table, names: Sequence[str]) -> str:
    """Columns, each with a value of it."""
    shown = []
    for name in names[:SHOWN]:
        sample = next((value for value in table.columns[name] if not is_missing(value)), None)
        shown.append(f"{quoted(name, 40)} ({'empty' if sample is None else quoted(str(sample), 30)})")
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(shown) + more


def absent(table: Table, flag: str, given: str) -> DataError:
    """What is raised where a table has no column of the name that a flag gives."""
    todo = did_you_mean(given, table.columns)
    expected = f"one of {listed(table, list(table.columns))}"
    return DataError(f"no column {quoted(given)}", where=flag, expected=expected, todo=todo)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip().casefold()
