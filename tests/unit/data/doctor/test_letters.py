import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.data.doctor.rows import only, texts
from whet.data.doctor import letters


def test_html_is_counted_in_rows_with_what_stands_first():
    finding = only(
        letters.html(texts("a<br /><br />b", "x &amp; y", 'see <a href="http://x.y/z?long=1">this</a>', "<br />"))
    )
    assert (finding.code, finding.severity, finding.count) == ("html", "warning", 4)
    assert finding.places == ("line 2", "line 3", "line 4", "line 5")
    assert finding.message == (
        "train.csv: 4 of 4 rows (100.0 %) hold HTML, most often <br /> (2 rows), &amp; (1 row), <a …> (1 row)"
    )


@pytest.mark.parametrize(
    "text", ["a < b and c > d", "<3", "R&D", "AT&T; fine", "<br", "x <pppp> y", "i <b", "&;", "a&b;"]
)
def test_signs_that_are_no_html_are_left_alone(text: str):
    assert list(letters.html(texts(text))) == []


def test_little_html_among_many_rows_is_no_warning():
    finding = only(letters.html(texts(*[f"text {i}" for i in range(200)], "&lt;")))
    assert (finding.severity, finding.count) == ("info", 1)
    assert "1 of 201 rows (0.5 %)" in finding.message


@pytest.mark.parametrize(
    ("good", "read_as"),
    [("café au lait", "cp1252"), ("naïve", "latin-1"), ("it’s “so” good…", "cp1252"), ("좋은 영화입니다", "latin-1"),
     ("훌륭한 영화", "latin-1"), ("日本語の映画", "latin-1"), ("хороший фильм", "latin-1"), ("nice 😀", "latin-1"),
     ("이 영화 최고", "cp949")],
)  # fmt: skip
def test_a_text_read_in_a_wrong_encoding_is_seen(good: str, read_as: str):
    bad = good.encode("utf-8").decode(read_as, "ignore")
    assert letters.garbled(bad)
    assert letters.garbled(good) == ""


@pytest.mark.parametrize(
    "text",
    ["Ça va, garçon? À bientôt, São Paulo", "«É» dit-elle", "20 °C ± 1 µm", "ÀÉÎ", "ㅋㅋㅋ 꿀잼", "漢字とかな",
     "SÃO JOÃO",
     "Ελληνικά", "Это фильм", "naïve café – “quoted” … €5", "이 영화는 정말 훌륭하다!!"],
)  # fmt: skip
def test_good_letters_of_many_languages_are_not(text: str):
    assert letters.garbled(text) == ""


def test_letters_lost_to_an_encoding_are_seen():
    finding = only(letters.mojibake(texts("fine", "caf\ufffd au lait")))
    assert (finding.code, finding.count, finding.places) == ("mojibake", 1, ("line 3",))
    assert finding.message == ("train.csv: 1 row has letters of a wrong encoding, such as 'caf\ufffd au lai' (line 3)")


@given(st.text(max_size=40))
def test_no_text_makes_the_search_fail(text: str):
    letters.garbled(text)
    assert letters.script(text) in {"", "Latin", "Hangul", "Cyrillic", "Greek", "Han", "Kana", "Arabic", "Hebrew",
                                    "Devanagari", "Thai"}  # fmt: skip


@given(st.text(max_size=60), st.sampled_from(["Latin", "Hangul", "Cyrillic", "Kana", "Arabic"]))
def test_what_is_tried_first_changes_no_answer(text: str, likely: str):
    alone = letters.script(text)
    counts = {name: len(found.findall(text)) for name, found in letters._SCRIPTS.items()}
    tied = sorted(counts.values())[-1] == sorted(counts.values())[-2]
    assert tied or letters.script(text, likely) == alone


@pytest.mark.parametrize(
    ("text", "name"),
    [("a good film", "Latin"), ("좋은 영화 ok", "Hangul"), ("映画はとても面白い", "Kana"),
     ("很好的电影", "Han"), ("123 !!", ""),
     ("Отлично", "Cyrillic"), ("", ""), ("été", "Latin")],
)  # fmt: skip
def test_the_script_of_a_text(text: str, name: str):
    assert letters.script(text) == name


def test_rows_of_another_script_than_most_are_said():
    finding = only(letters.scripts(texts(*["좋은 영화"] * 30, "good", "bad", "123")))
    assert (finding.code, finding.severity, finding.count) == ("scripts", "warning", 2)
    assert finding.message == (
        "train.csv: the letters of 6.1 % of the rows are not Hangul as in the others: Hangul (30 rows), Latin (2 rows) "
        "(line 32, line 33)"
    )
    assert list(letters.scripts(texts("good", "bad", "123"))) == []
