from tests.unit.data.doctor.rows import only, part
from whet.data.doctor import roles


def test_texts_that_are_keys_are_said_to_look_like_an_id():
    for key in ("{i}", "user_{i}", "tt{i:07d}", "{i:08x}-0a1b", "#{i}"):
        finding = only(roles.ids(part([(key.format(i=1000 + i), "ab"[i % 2]) for i in range(40)])))
        assert (finding.code, finding.severity, finding.figures) == ("id_column", "warning", {"column": "text"})
        assert finding.message.startswith("train.csv: the texts look like an id: '")


def test_short_texts_are_no_ids():
    assert list(roles.ids(part([(f"좋아요{'!' * i}", "ab"[i % 2]) for i in range(40)]))) == []
    assert list(roles.ids(part([(f"number {i}", "ab"[i % 2]) for i in range(40)]))) == []


def test_labels_of_which_every_row_has_its_own_are_said_to_look_like_an_id():
    finding = only(roles.ids(part([(f"a good text {i}", f"t{i}") for i in range(60)])))
    assert (finding.code, finding.count, finding.figures) == ("id_column", 60, {"column": "label"})
    assert finding.message == "train.csv: the labels look like an id: 60 different ones in 60 rows"


def test_a_label_that_was_copied_into_its_texts_is_found():
    rows = [(f"{label}: film {i}", label) for i in range(30) for label in ("Good", "bad")]
    finding = only(roles.answers(part(rows)))
    assert (finding.code, finding.severity, finding.count) == ("label_in_text", "warning", 60)
    assert finding.message == (
        "train.csv: 100.0 % of the texts labelled 'Good', 'bad' hold that word, others hardly ever"
    )
    assert finding.figures == {"labels": ["Good", "bad"], "share": 1.0}


def test_a_label_copied_into_the_texts_of_one_class_alone_is_found():
    rows = [(f"film {i} tag=spam", "spam") for i in range(30)] + [(f"film {i} of mine", "ham") for i in range(30)]
    assert only(roles.answers(part(rows))).figures == {"labels": ["spam"], "share": 1.0}


def test_a_korean_label_with_an_ending_is_found():
    rows = [(f"영화 {i} 긍정적", "긍정") for i in range(30)] + [(f"영화 {i} 별로", "부정") for i in range(30)]
    assert only(roles.answers(part(rows))).figures["labels"] == ["긍정"]


def test_labels_that_alternate_over_many_rows_are_both_looked_at():
    rows = [(f"sports and business {i}", ("sports", "business")[i % 2]) for i in range(2 * roles.LOOKED)]
    assert list(roles.answers(part(rows))) == []


def test_a_label_that_stands_in_all_texts_or_in_few_or_within_words_is_no_copy():
    everywhere = [(f"sports and business {i}", ("sports", "business")[i % 2]) for i in range(60)]
    few = [(f"sports {i}" if i % 6 == 0 else f"text {i}", ("sports", "business")[i % 2]) for i in range(60)]
    within = [(f"goodness {i}", "good") for i in range(30)] + [(f"text {i}", "bad") for i in range(30)]
    for rows in (everywhere, few, within):
        assert list(roles.answers(part(rows))) == []
