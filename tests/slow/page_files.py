"""The files that the pages name, with a few rows each, written anew for each line that is executed."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

GOOD, BAD = "a film of great charm, number", "what a dull waste of time, number"
HANGUL = ("정말 좋은 영화였다, 번호", "시간이 아까운 영화였다, 번호")
ROWS = 60


def lay_out(line: str) -> None:
    """Writes all of them into this folder, as the line takes them."""
    named = "--label-names" in line
    _reviews("reviews.csv", ("0", "1") if named else ("negative", "positive"))
    _reviews("more.csv", ("bad", "good") if "good=positive" in line else ("negative", "positive"), first=100)
    _table(
        "new.csv", ("text", "label", "text2"), [(*row, "a plain remark") for row in _labelled("negative", "positive")]
    )
    if "--label stars" in line:
        _table("reviews.csv", ("text", "review", "stars"), [(t, t, 1 + i % 5) for i, t in enumerate(_texts())])
    _table("goods.csv", ("title", "body", "label"), [(f"item {i}", *row) for i, row in enumerate(_labelled())])
    _table("films.csv", ("text", "genres"), [(t, "drama|war" if i % 2 else "comedy") for i, t in enumerate(_texts())])
    marks = [(t, i % 2, (i // 2) % 2, (i // 3) % 2) for i, t in enumerate(_texts())]
    _table("comments.csv", ("text", "toxic", "insult", "threat"), marks)
    _table("test.csv", ("id", "text"), list(enumerate(_texts())))
    _table("sample_submission.csv", ("id", "label"), [(i, "negative") for i in range(ROWS)])
    Path("texts.txt").write_text(f"{GOOD}\n{BAD}\n", encoding="utf-8")
    Path("weights.json").write_text(json.dumps({"negative": 1, "positive": 4.5}), encoding="utf-8")
    Path("mine.toml").write_text("epochs = 1\n", encoding="utf-8")
    corrected = [(0, "train", "reviews.csv", f"{BAD} 0", "negative", "positive", "positive")]
    names = ("row_id", "side", "source", "text", "label", "suggestion", "corrected")
    _table("runs/NAME/relabel.csv", names, corrected)
    _parquets()
    _korean(line, ("0", "1") if named else ("부정", "긍정"))


def _korean(line: str, labels: tuple[str, str]) -> None:
    texts = _texts(HANGUL)
    rows = [(text, labels[i % 2], 1 + i % 5) for i, text in enumerate(texts)]
    encoding = "cp949" if "cp949" in line else "utf-8"
    if "--label 별점" in line:
        _table("리뷰.csv", ("본문", "감정", "별점"), rows, encoding)
    else:
        _table("리뷰.csv", ("본문", "감정"), [row[:2] for row in rows], encoding)
    for name in ("기사.csv", "스팸.csv"):
        _table(name, ("text", "label"), [row[:2] for row in rows])
    _table(
        "댓글.csv",
        ("본문", "욕설", "혐오", "광고"),
        [(t, i % 2, (i // 2) % 2, (i // 3) % 2) for i, t in enumerate(texts)],
    )
    _table("상품.csv", ("제목", "본문", "분류"), [(f"상품 {i}", *row[:2]) for i, row in enumerate(rows)])
    _table("영화.csv", ("본문", "장르"), [(t, "드라마|전쟁" if i % 2 else "코미디") for i, t in enumerate(texts)])
    _table("질문.csv", ("질문1", "질문2", "label"), [(t, HANGUL[i % 2], i % 2) for i, t in enumerate(texts)])


def _parquets() -> None:
    import pyarrow as pa
    from pyarrow import parquet

    for name in ("goemotions", "stsb"):
        Path(name).mkdir(exist_ok=True)
    labels = [[i % 3] if i % 2 else [0, 2] for i in range(ROWS)]
    parquet.write_table(pa.table({"text": _texts(), "labels": labels}), "goemotions/train.parquet")
    Path("goemotions/labels.json").write_text(json.dumps(["joy", "anger", "fear"]), encoding="utf-8")
    pairs = {"sentence1": _texts(), "sentence2": [GOOD] * ROWS, "score": [(i % 26) / 5 for i in range(ROWS)]}
    parquet.write_table(pa.table(pairs), "stsb/train.parquet")


def _texts(kinds: Sequence[str] = (BAD, GOOD), first: int = 0) -> list[str]:
    return [f"{kinds[i % 2]} {first + i}" for i in range(ROWS)]


def _labelled(bad: str = "negative", good: str = "positive", first: int = 0) -> list[tuple[str, str]]:
    return [(text, good if i % 2 else bad) for i, text in enumerate(_texts(first=first))]


def _reviews(name: str, labels: tuple[str, str], first: int = 0) -> None:
    _table(name, ("text", "label"), _labelled(*labels, first=first))


def _table(name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], encoding: str = "utf-8") -> None:
    with Path(name).open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows([columns, *rows])
