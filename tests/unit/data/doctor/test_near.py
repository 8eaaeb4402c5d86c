import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.data.doctor.rows import part, texts
from whet.data.doctor import near
from whet.data.doctor.part import Part

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def words(count: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    return ["".join(draw.choices(LETTERS, k=draw.randint(3, 9))) for _ in range(count)]


def long_text(seed: int, count: int = 40) -> str:
    return " ".join(words(count, seed))


def changed(text: str, seed: int = 0) -> str:
    """One word of forty is another."""
    parts = text.split()
    parts[random.Random(seed).randrange(len(parts))] = "another"
    return " ".join(parts)


def jaccard(one: str, other: str) -> float:
    """The definition itself."""
    mine, theirs = ({"".join(text.lower().split())[i : i + 5] for i in range(len("".join(text.split())) - 4)}
                    for text in (one, other))  # fmt: skip
    return len(mine & theirs) / len(mine | theirs)


def test_a_text_with_one_word_changed_is_nearly_equal_and_another_text_is_not():
    one = long_text(1)
    found = near.find([texts(one, long_text(2), changed(one), one.upper(), one)])
    assert found == near.Near({"train": {2: 0, 3: 0}}, {}, True)


def test_rows_of_another_side_are_held_against_train_and_against_their_own():
    one, two = long_text(1), long_text(2)
    train = part([(one, "a"), (two, "b")])
    test = part([(changed(one), "a"), (one, "a"), (changed(one, 5), "b"), (long_text(3), "a")], "test")
    found = near.find([train, test])
    assert found.in_train == {"test": {0: 0, 2: 0}}  # row 1 is equal, and so a finding of another kind
    assert found.within == {"train": {}, "test": {1: 0, 2: 0}}


def test_each_copy_of_a_text_that_is_nearly_in_train_is_a_row_of_its_own():
    one = long_text(1)
    test = part([(changed(one), "a"), ("x", "a"), (changed(one), "b")], "test")
    found = near.find([part([(one, "a")]), test])
    assert found.in_train == {"test": {0: 0, 2: 0}}
    assert found.within["test"] == {}


def test_without_a_train_side_nothing_is_held_against_it():
    one = long_text(1)
    found = near.find([part([(one, "a"), (changed(one), "a")], "test")])
    assert found == near.Near({"test": {1: 0}}, {"test": {}}, True)


def test_short_texts_are_compared_exactly_alone():
    assert near.find([texts("a very fine film!!", "a very fine film!")]).within == {"train": {}}
    assert near.find(
        [texts("정말 재미있는 영화였습니다 추천합니다 꼭", "정말 재미있는 영화였습니다 추천합니다 꼭!")]
    ).within == {"train": {}}
    long = "정말 재미있는 영화였습니다 여러분께 추천합니다 꼭 보세요"
    assert near.find([texts(long, f"{long}!")]).within == {"train": {1: 0}}


def test_no_texts_are_no_fault():
    assert near.find([]) == near.Near({}, {}, True)
    assert near.find([texts()]) == near.Near({"train": {}}, {}, True)
    assert near.find([texts("", " ", "\ud800" * 30)]).within == {"train": {}}


def test_the_unicode_form_of_hangul_makes_no_other_text():
    import unicodedata

    text = "이 영화는 처음부터 끝까지 지루할 틈이 없는 훌륭한 작품이다"
    assert near.find([texts(text, unicodedata.normalize("NFD", text))]).within == {"train": {1: 0}}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 12))
def test_what_is_found_is_nearly_equal_by_the_definition(seed: int, count: int):
    base = [long_text(seed + i, 20) for i in range(6)]
    draw = random.Random(seed)
    rows = [*base]
    for _ in range(count):
        text = draw.choice(base).split()
        for _ in range(draw.randint(0, 3)):
            text[draw.randrange(len(text))] = draw.choice(words(1, draw.randrange(99)))
        rows.append(" ".join(text))
    found = near.find([texts(*rows)])
    for row, other in found.within["train"].items():
        assert other < row
        assert jaccard(rows[row], rows[other]) >= near.THRESHOLD
    missed = [
        row for row in range(len(rows))
        if row not in found.within["train"] and rows[row] not in rows[:row]
        and any(jaccard(rows[row], rows[other]) >= 0.9 for other in range(row))
    ]  # fmt: skip
    assert missed == []


def test_nearly_all_pairs_just_above_the_threshold_are_found():
    pairs = [(text, changed(changed(text, 1), 2)) for text in (long_text(seed, 30) for seed in range(400))]
    above = [pair for pair in pairs if 0.8 <= jaccard(*pair) < 0.87]
    assert len(above) > 100
    found = near.find([texts(*(text for pair in above for text in pair))])
    assert len(found.within["train"]) >= 0.97 * len(above)


def test_texts_from_one_mould_end_the_search_and_that_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(near, "MOST_COMPARED", 50)
    monkeypatch.setattr(near, "THRESHOLD", 0.99)
    frame = long_text(1, 30)
    part_ = texts(*(f"{frame} {i}{i * 7}{i * 13}" for i in range(60)), frame + " aaaa", frame + "  aaaa")
    found = near.find([part_])
    assert not found.whole
    assert all("at least" in finding.message for finding in near.findings(found, [part_]))


def test_the_findings_name_the_pairs():
    one = long_text(1)
    train, test = part([(one, "a"), (changed(one), "b")]), part([(changed(one, 9), "a")], "test")
    first, second = near.findings(near.find([train, test]), [train, test])
    assert (first.code, first.side, first.count) == ("near_duplicates", "train", 1)
    assert first.message == ("train.csv: 1 row (50.0 %) nearly repeats the text of an earlier row (line 3 like line 2)")
    assert (second.code, second.side, second.severity, second.count) == ("near_in_train", "test", "warning", 1)
    assert second.message == "test.csv: 1 row stands nearly alike in train.csv (line 2 like line 2)"
    assert second.figures == {"share": 1.0, "pairs": [["line 2", "line 2"]]}


def test_the_same_rows_give_the_same_answer_in_any_portions(monkeypatch: pytest.MonkeyPatch):
    rows = texts(*(changed(long_text(seed % 7), seed) for seed in range(60)))
    whole = near.find([rows])
    monkeypatch.setattr(near, "CHUNK", 300)
    assert near.find([rows]) == whole
    assert isinstance(rows, Part)


def test_twenty_thousand_short_texts_take_seconds():
    rows = texts(*(long_text(seed, 8) for seed in range(20_000)))
    started = time.process_time()
    assert len(near.find([rows]).within["train"]) == 0
    assert time.process_time() - started < 10  # 0.5 s on an idle core


def test_of_too_many_rows_some_are_drawn_and_that_is_said(monkeypatch: pytest.MonkeyPatch):
    pairs = [text for seed in range(60) for text in (long_text(seed), changed(long_text(seed)))]
    rows = part([(text, "a") for text in pairs])
    whole = near.find([rows])
    assert (whole.whole, whole.drawn, near.notices(whole, [rows])) == (True, None, [])
    monkeypatch.setattr(near, "MOST_ROWS", 60)
    found = near.find([rows])
    assert (found.whole, found.drawn) == (False, 60)
    assert 0 < len(found.within["train"]) < len(whole.within["train"])
    assert near.notices(found, [rows]) == ["near copies were looked for among 60 of 120 rows, drawn by chance"]
    assert next(near.findings(found, [rows])).message.startswith("train.csv: at least ")
