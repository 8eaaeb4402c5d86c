"""What the findings say in Korean: every code, from data that have it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers

from tests.unit.data.doctor.rows import CLEAN, part
from whet.data.doctor import copies, letters, names, near, pieces, roles, tasks
from whet.data.doctor.look import EXACT
from whet.data.doctor.part import Part
from whet.data.places import row_places
from whet.data.tokens import Cutter
from whet.records import Finding
from whet.sentences.bilingual import Bilingual
from whet.sentences.data import FINDINGS, TODO

LONG = "이 영화는 처음부터 끝까지 지루할 틈이 없는 훌륭한 작품입니다"
MANY = [(f"text {i}", "ab"[i % 2]) for i in range(60)]
OTHER = [(f"other {i}", "ab"[i % 2]) for i in range(60)]


def cutter(truncation: str = "head", chunks: int = 64) -> Cutter:
    """Knows the words w0 to w9, and has four tokens of a text."""
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, **{f"w{i}": i + 1 for i in range(10)}}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return replace(Cutter(tokenizer, "", 4, "head", (), ()), truncation=truncation, most_chunks=chunks)


def in_tokens(texts: list[str], cutter: Cutter, code: str) -> Iterator[Finding]:
    rows = part([(text, "a") for text in texts])
    return (each for each in pieces.findings(rows, pieces.counted(rows, cutter, seed=1), cutter) if each.code == code)


def several(*labels: tuple[str, ...], side: str = "train") -> Part:
    return Part(side, f"{side}.csv", ["p"] * len(labels), None, row_places(len(labels)), several=labels)


def values(*numbers: float) -> Part:
    return Part("train", "train.csv", ["p"] * len(numbers), None, row_places(len(numbers)), values=numbers)


def nearly(whole: bool) -> Iterator[Finding]:
    sides = [part([(LONG, "a"), (f"{LONG}!", "a")]), part([(f"{LONG}!!", "a")], "test")]
    return near.findings(replace(near.find(sides), whole=whole), sides)


def found() -> Iterator[Finding]:
    """In the order of the sentences."""
    test = part([CLEAN[0], CLEAN[0], *OTHER], "test")
    yield from names.missing(part([*CLEAN, ("무엇", ""), ("누구", "")]))
    yield from names.unknown(part([("x", "기타"), ("y", "기타"), ("z", "pos")], "validation"), part(CLEAN))
    yield from names.balance(part([("a", "pos"), ("b", "pos")]), 2)
    yield from names.balance(part([]), 2)
    yield from tasks.several(several((), ()), None)
    yield from tasks.values(values(3.5, 3.5))
    yield from tasks.values(values())
    yield from names.spellings(part([("a", "긍정"), ("b", "긍정"), ("c", unicodedata.normalize("NFD", "긍정"))]))
    yield from names.balance(part([*CLEAN, ("글쎄", "보통")]), 2)
    yield from names.balance(part([*CLEAN, ("글쎄", "보통")]), 0)
    yield from tasks.several(several(("joy", "love"), ("joy",)), None)
    yield from names.balance(part([(f"text {i}", "ham") for i in range(28)] + [("x", "spam"), ("y", "spam")]), 1)
    yield from names.balance(part([(f"t {i}", n) for n, c in (("a", 30), ("b", 30), ("c", 3)) for i in range(c)]), 2)
    yield from copies.empty(part([*MANY, ("", "a"), (" ", "b"), ("", "b"), ("", "b")][1:]))
    yield from copies.empty(part([*MANY, ("", "a")]))
    yield from copies.empty(part([*MANY, ("", "a")], "test"))
    yield from copies.duplicates(part([*MANY, MANY[0]]))
    yield from copies.duplicates(part([*MANY, MANY[0]], "test"))
    yield from copies.overlap(part([CLEAN[0], *OTHER], "test"), part(CLEAN))
    yield from copies.overlap(test, part(CLEAN))
    yield from copies.overlap(part(CLEAN, "test"), part(CLEAN))
    yield from copies.contradictions(part([*CLEAN, ("good film", "neg")]))
    yield from copies.contradictions(part([*CLEAN, ("good film", "neg"), ("", "pos"), ("", "neg")]))
    yield from nearly(whole=True)
    yield from nearly(whole=False)
    yield from letters.html(part([("좋아요<br />정말", "a"), ("별로 &amp; 최악<br />", "b"), ("그냥", "a")]))
    yield from letters.mojibake(part([*CLEAN, ("caf\ufffd au lait", "a")]))
    yield from letters.scripts(part([*[("좋은 영화", "a")] * 30, ("good", "a"), ("хорошо", "b")]))
    yield from roles.ids(part([(f"tt{1000 + i}", "ab"[i % 2]) for i in range(40)]))
    yield from roles.ids(part([(f"좋은 글 {i}", f"t{i}") for i in range(60)]))
    yield from roles.answers(part([(f"{label}: film {i}", label) for i in range(30) for label in ("good", "bad")]))
    for code in pieces.CODES:
        yield from in_tokens(["w1 w2", "w1 w2 w3 w4 w5 x"], cutter(), code)
        yield from in_tokens(["w1 w2", "w1 w2 w3 w4 w5 x"] * 1_500, cutter(), code)
    yield from in_tokens(["w1 w2", "w1 " * 9], cutter("chunks", 2), "truncated")
    yield from in_tokens(["w1 w2", "w1 " * 9] * 1_500, cutter("chunks", 2), "truncated")
    yield from in_tokens(["w1 w2", "w1 " * 9], replace(cutter(), middle=(1,)), "truncated")


def test_every_finding_in_korean() -> None:
    told = [f"{each.code}: {each.message.korean}. {each.todo.korean}." for each in found()]
    assert told == (Path(__file__).parent / "korean.txt").read_text(encoding="utf-8").splitlines()


def test_no_code_is_without_korean() -> None:
    assert {each.code for each in found()} == {*EXACT, *near.CODES, *pieces.CODES}
    assert all(isinstance(said, Bilingual) for each in found() for said in (each.message, each.todo))


def test_every_sentence_of_the_findings_is_used() -> None:
    """Each key is written in the code, whole or with what is put after it there."""
    ends = (" at least", ", also of the empty text", " in chunks, drawn", " in chunks", ", drawn")
    code = "".join(path.read_text(encoding="utf-8") for path in Path(copies.__file__).parent.glob("*.py"))
    for key in {**FINDINGS, **TODO}:
        end = next((end for end in ends if key.endswith(end)), "")
        assert f'"{key.removesuffix(end)}"' in code or f'"{key.removesuffix(end)}{{' in code, key
