from __future__ import annotations

import logging
import re
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.made_runs import CALIBRATION, MADE_TEXTS, made_run
from whet.errors import ModelError, OutputError
from whet.records import Notice
from whet.report import material, page
from whet.report.blocks import Page
from whet.report.words import TEXTS, Words
from whet.runs.run_folder import RunFolder
from whet.sentences.bilingual import joined, said

CANARY = "<img src=x onerror=\"window.hit='text'\">"
ENDING = "</script><script>window.hit='label'</script>"


def made(folder: RunFolder, lang: str = "en") -> Page:
    return page.page_of(material.gather(folder), "ko" if lang == "ko" else "en")


def written(folder: RunFolder, lang: str = "en") -> str:
    page.write(folder, "ko" if lang == "ko" else "en")
    return (folder.path / "report.html").read_text(encoding="utf-8")


class Elements(HTMLParser):
    """Names and attributes of all elements, and the texts of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def named(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag == name]


def keys(found: Page) -> list[str]:
    return [section.key for section in found.sections]


def test_a_binary_run_has_every_section_that_it_has_something_for(tmp_path: Path) -> None:
    assert keys(made(made_run(tmp_path / "run"))) == [
        "scores", "classes", "confusion", "slices", "mistakes", "suspects", "data", "course", "findings", "environment",
        "repeat",
    ]  # fmt: skip
    calibrated = made_run(tmp_path / "calibrated", more={"calibration": CALIBRATION})
    assert "calibration" in keys(made(calibrated))


def test_several_labels_and_numbers_have_figures_of_their_own(tmp_path: Path) -> None:
    several = made(made_run(tmp_path / "several", ("joy", "fear", "anger"), kind="several"))
    assert keys(several)[:3] == ["scores", "classes", "mistakes"]
    assert several.sections[1].blocks[0].head[-1] == "Threshold"  # type: ignore[union-attr]
    values = made(made_run(tmp_path / "values", ("stars",), kind="value"))
    assert keys(values)[:4] == ["scores", "values", "mistakes", "data"]
    assert values.tiles[0].name == "Pearson"


CURVE = {
    "metric": "macro_f1", "validation_rows": 120,
    "points": [{"share": 0.25, "rows": 300, "score": 0.81, "interval": [0.75, 0.87]},
               {"share": 0.5, "rows": 600, "score": 0.85, "interval": [0.79, 0.9]},
               {"share": 1.0, "rows": 1200, "score": 0.88, "interval": [0.83, 0.93]}],
    "forecast": {"rows": 2400, "score": 0.907, "interval": [0.85, 0.95], "now": 0.88, "gain": 0.027,
                 "gain_interval": [0.004, 0.05], "outcome": "worth"},
    "sentence": {"en": "With twice as many it would be better.", "ko": "두 배면 나아집니다."},
}  # fmt: skip


def test_a_learning_curve_is_drawn_with_its_forecast_in_both_languages(tmp_path: Path) -> None:
    folder = made_run(tmp_path / "run", more={"learning_curve": CURVE})
    (section,) = [section for section in made(folder).sections if section.key == "learning-curve"]
    (figure,), prose = section.blocks[0].figures, section.blocks[1]  # type: ignore[union-attr]
    assert (section.title, prose.text) == (  # type: ignore[union-attr]
        "Would more labels help?", "With twice as many it would be better.",
    )  # fmt: skip
    told = "300: 0.810, 600: 0.850, 1,200: 0.880, 2,400: 0.907"
    assert figure.label == f"Macro F1 by training rows. {told}"
    assert figure.keys == (("accent", "measured"), ("muted", "forecast"))
    assert all(text in figure.svg for text in ("300", "2,400", "Training rows", "var(--accent)", "var(--muted)"))
    (korean,) = [section for section in made(folder, "ko").sections if section.key == "learning-curve"]
    assert (korean.title, korean.blocks[1].text) == (  # type: ignore[union-attr]
        "라벨을 더 모으면 나아질까?", "두 배면 나아집니다.",
    )  # fmt: skip


def test_a_learning_curve_without_all_of_its_points_has_no_forecast_and_one_point_alone_no_section(
    tmp_path: Path,
) -> None:
    cut = {"metric": "macro_f1", "validation_rows": 120, "points": CURVE["points"][1:]}  # type: ignore[index]
    folder = made_run(tmp_path / "run", more={"learning_curve": cut})
    (section,) = [section for section in made(folder).sections if section.key == "learning-curve"]
    assert len(section.blocks) == 1
    assert section.blocks[0].figures[0].keys == ()  # type: ignore[union-attr]
    alone = {**cut, "points": cut["points"][-1:]}  # type: ignore[index]
    assert "learning-curve" not in keys(made(made_run(tmp_path / "alone", more={"learning_curve": alone})))


def test_a_run_without_test_rows_tells_of_validation_and_without_both_that_there_is_no_score(tmp_path: Path) -> None:
    folder = made_run(tmp_path / "run")
    metrics, mistakes = (folder.read(name) for name in ("metrics.json", "mistakes.json"))
    (folder.path / "mistakes.json").unlink()
    folder.write("metrics.json", {"task": "binary", "validation": metrics["test"], "seconds": metrics["seconds"]})
    found = made(folder)
    assert found.lead == f"Accuracy {metrics['test']['accuracy']:.3f} on 120 validation rows."
    assert keys(found)[:3] == ["scores", "classes", "confusion"]
    assert "mistakes" not in keys(found)
    folder.write("metrics.json", {"task": "binary", "seconds": metrics["seconds"]})
    folder.write("mistakes.json", mistakes)
    assert made(folder).sections[0].lead == "50 of 60 wrong answers, those that the model was surest of first."
    (folder.path / "mistakes.json").unlink()
    assert made(folder).lead == "There were no test and no validation rows, so there is no score."
    assert keys(made(folder)) == ["data", "course", "findings", "environment", "repeat"]


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = made_run(tmp_path / "run", more={"calibration": CALIBRATION})
    assert written(folder) == written(folder)


@pytest.mark.parametrize("kind", ["one", "several"])
def test_texts_and_labels_from_data_are_texts_on_the_page(tmp_path: Path, kind: str) -> None:
    folder = made_run(
        tmp_path / "run", ("calm", ENDING, CANARY), kind="several" if kind == "several" else "one", texts=[CANARY] * 60,
        more={"verdict": {"en": CANARY}},
    )  # fmt: skip
    text = written(folder)
    assert CANARY not in text
    assert ENDING not in text
    elements = Elements(text)
    assert CANARY in elements.text
    assert ENDING in elements.text
    assert len(elements.named("script")) == 1
    assert elements.named("img") == []


def test_nothing_on_the_page_names_another_place_to_load_from(tmp_path: Path) -> None:
    elements = Elements(written(made_run(tmp_path / "run", more={"calibration": CALIBRATION})))
    policy = next(meta["content"] for meta in elements.named("meta") if "http-equiv" in meta)
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")
    links = [attributes.get(name) for _, attributes in elements.found for name in ("src", "href", "xlink:href")]
    assert [link for link in links if link and not link.startswith("#")] == []


def test_every_drawing_tells_what_it_shows_and_every_table_has_a_caption(tmp_path: Path) -> None:
    elements = Elements(written(made_run(tmp_path / "run", more={"calibration": CALIBRATION})))
    drawings = [each for each in elements.named("div") if each.get("role") == "img"]
    assert len(drawings) == len(elements.named("svg")) == 6
    assert all(each["aria-label"] for each in drawings)
    assert len(elements.named("caption")) == len(elements.named("table"))
    assert [tag for tag, _ in elements.found if re.fullmatch("h[1-6]", tag)] == ["h1", *["h2"] * 12]


def test_ids_stand_once_and_links_lead_somewhere(tmp_path: Path) -> None:
    elements = Elements(written(made_run(tmp_path / "run", more={"calibration": CALIBRATION})))
    ids = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes.get(name) for _, attributes in elements.found for name in ("href", "xlink:href")]
    assert {link[1:] for link in links if link} <= set(ids)


def test_both_languages_have_the_same_keys_and_the_same_places_to_fill() -> None:
    fields = {key: [set(re.findall(r"{(\w+)", text)) for text in texts] for key, texts in TEXTS.items()}
    assert {key: both for key, both in fields.items() if both[0] != both[1]} == {}
    assert [key for key, texts in TEXTS.items() if not all(texts)] == []


def test_every_text_of_the_catalogue_is_used() -> None:
    folder = Path(page.__file__).parent
    source = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py") if path.name != "words.py")
    built = {"nbsvm", "tfidf", "majority", "train", "validation", "test", "model", "exact match", "yes", "no"}
    built |= {key for key in TEXTS if key.startswith(("plan ", "severity ", "by ")) or key.endswith(" column")}
    built |= {"hours", "minutes", "seconds", "short seconds"}
    assert [key for key in TEXTS if f'"{key}"' not in source and key not in built] == []


def test_korean_pages_say_so_and_mark_what_is_told_in_english(tmp_path: Path) -> None:
    text = written(made_run(tmp_path / "run"), "ko")
    assert '<html lang="ko">' in text
    assert "우열을 가릴 수 없습니다." in text
    assert '<td lang="en" data-head="내용">7 rows are cut' in text
    assert page.language_of(RunFolder(tmp_path / "run")) == "ko"
    assert page.language_of(RunFolder(tmp_path)) == ""


def test_korean_leads_hold_for_any_side_and_any_metric() -> None:
    """Slices may be of validation rows, and of a loss less is better."""
    words = Words("ko")
    assert words("slices lead") == "행을 나누어 본 점수입니다. 길이는 짧은 글부터 긴 글까지 네 등분했습니다."
    assert words("history lead").endswith("다른 시도의 중앙값보다 나쁘면 학습을 중단했습니다.")


def test_a_korean_page_tells_findings_warnings_and_reasons_in_korean(tmp_path: Path) -> None:
    folder = made_run(tmp_path / "run")
    findings, run = folder.read("findings.json"), folder.read("run.json")
    cut = {"count": 7, "limit": 8, "rows": 0.5, "tokens": 0.25, "tokens_interval": None}
    findings["findings"]["truncated"]["train"] |= {"message": said(cut, "truncated"), "todo": said({}, "longer")}
    findings["columns"]["text_reason"] = said({"name": "'text'"}, "named")
    folder.write("findings.json", findings)
    run["sides"]["train"] = "made.csv: what test leaves"
    run["sides_ko"] = {"train": joined("made.csv", said({}, "what test leaves"), between=": ").korean}
    run["device"]["reason"] = said({}, "given")
    folder.write("run.json", run)
    folder.log(Notice(said({"tokens": 64}, "smaller packs"), "warning"))
    text, english = written(folder, "ko"), written(folder)
    told = (
        '<td data-head="내용">8토큰보다 긴 행이 7개로 전체의 50.0%이고, 모든 토큰 중 잘리는 비율은 25.0%입니다',
        '<span class="note">모델이 받아들이는 범위에서 --max-length를 늘리세요</span>',
        "<dd>text (이름이 &#39;text&#39;)</dd>",
        '<td class="said">made.csv: 테스트를 뺀 나머지</td>',
        '<td lang="en" class="said">made.csv</td>',
        "<dd>cpu (직접 지정)</dd>",
        '<th scope="row">평가하다 메모리가 부족해 이제부터 한 번에 최대 64토큰씩 평가합니다</th>',
    )
    assert [part for part in told if part not in text] == []
    assert '<td data-head="Finding">7 rows have more than 8 tokens, 50.0 %: 25.0 % of all tokens are cut' in english
    assert '<td class="said">made.csv: what test leaves</td>' in english
    assert not re.search("[가-힣]", english)


def test_korean_labels_are_drawn_without_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        text = written(made_run(tmp_path / "run", ("부정", "긍정"), more={"calibration": CALIBRATION}), "ko")
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert ">최다 라벨</text>" in text


def test_many_labels_are_listed_by_their_most_confused_pairs(tmp_path: Path) -> None:
    names = [f"label {place:02d}" for place in range(80)]
    found = made(made_run(tmp_path / "run", names, rows=400))
    classes, confusion = (next(s for s in found.sections if s.key == key) for key in ("classes", "confusion"))
    assert len(classes.blocks[0].rows) == 60  # type: ignore[union-attr]
    assert classes.blocks[0].note == "The 60 labels with the lowest F1 of 80 are listed."  # type: ignore[union-attr]
    assert confusion.lead == "The pairs that were confused most often, of 80 labels."
    counts = [int(row[2].text) for row in confusion.blocks[0].rows]  # type: ignore[union-attr]
    assert counts == sorted(counts, reverse=True)
    assert 0 < len(counts) <= 20


def test_only_so_many_rows_are_listed_and_long_texts_are_cut(tmp_path: Path) -> None:
    found = made(made_run(tmp_path / "run", texts=["word " * 500] * 70))
    listed = [next(section for section in found.sections if section.key == key) for key in ("mistakes", "suspects")]
    assert [len(section.blocks[0].rows) for section in listed] == [50, 50]  # type: ignore[union-attr]
    texts = {row[0].text for section in listed for row in section.blocks[0].rows}  # type: ignore[union-attr]
    assert {(len(text), text[-5:]) for text in texts} == {(600, "word…")}
    scores = made_run(tmp_path / "run").read("metrics.json")["test"]
    wrong = round(120 * (1 - scores["accuracy"]))
    assert listed[0].lead == f"50 of {wrong} wrong answers, those that the model was surest of first."
    assert listed[1].lead.startswith("50 of 70 labels that are likely wrong, among 120 rows.")


def test_the_plan_stands_beside_what_it_came_to(tmp_path: Path) -> None:
    course = next(section for section in made(made_run(tmp_path / "run")).sections if section.key == "course")
    rows = [[(cell.text, cell.note) for cell in row] for row in course.blocks[0].rows]  # type: ignore[union-attr]
    assert rows == [
        [("Training", ""), ("40 s", "30 s – 1 min 00 s"), ("42 s", "")],
        [("Evaluation", ""), ("40 s", "30 s – 1 min 00 s"), ("3.0 s", "")],
        [("Highest memory", ""), ("1.5 GB", ""), ("1.2 GB", "")],
    ]


def test_the_losses_of_numbers_are_not_drawn_on_one_scale_with_those_of_validation(tmp_path: Path) -> None:
    for kind, keys_, title in (("one", 2, "Loss"), ("value", 0, "Training loss, on a standard scale")):
        names = ("stars",) if kind == "value" else ("a", "b")
        run = made_run(tmp_path / kind, names, kind=kind)  # type: ignore[arg-type]
        course = next(section for section in made(run).sections if section.key == "course")
        drawing = next(block for block in course.blocks if block.kind == "figures").figures[0]  # type: ignore[union-attr]
        assert (drawing.title, len(drawing.keys)) == (title, keys_)


def test_parts_of_the_rows_are_drawn_by_length_and_listed_by_all_else_but_the_label(tmp_path: Path) -> None:
    found = next(section for section in made(made_run(tmp_path / "run")).sections if section.key == "slices")
    drawing, table = found.blocks
    assert drawing.figures[0].label == "Accuracy by letters of the text. 9–20: 0.900, 21: 0.800"  # type: ignore[union-attr]
    assert [[cell.text for cell in row] for row in table.rows] == [["Cut: yes", "20", "0.500"]]  # type: ignore[union-attr]
    assert table.rows[0][2].strong  # type: ignore[union-attr]
    assert table.rows[0][2].note == "0.300 – 0.700"  # type: ignore[union-attr]


def test_confidences_that_leave_no_further_row_unanswered_are_not_listed(tmp_path: Path) -> None:
    shares = [(0.0, 1.0), (0.4, 1.0), (0.5, 1.0), (0.6, 0.9), (0.7, 0.9), (0.8, 0.5), (0.9, 0.0)]
    points = [{"min_confidence": at, "rows": 9, "coverage": share, "accuracy": 0.8 if share else None}
              for at, share in shares]  # fmt: skip
    found = made(made_run(tmp_path / "run", more={"calibration": {**CALIBRATION, "coverage": points}}))
    table = next(section for section in found.sections if section.key == "calibration").blocks[-1]
    assert [row[0].text for row in table.rows] == ["0.50", "0.70", "0.80"]  # type: ignore[union-attr]
    assert [row[1].text for row in table.rows] == ["100.0\u00a0%", "90.0\u00a0%", "50.0\u00a0%"]  # type: ignore[union-attr]


def test_the_comparison_and_intervals_are_told_where_they_are_there(tmp_path: Path) -> None:
    folder = made_run(tmp_path / "run")
    metrics = folder.read("metrics.json")
    metrics["test"]["intervals"] = {"accuracy": [0.7, 0.9]}
    metrics["comparison"] = {"against": "tfidf", "metric": "accuracy", "difference": 0.05, "interval": [0.01, 0.09],
                             "p": 0.012, "mcnemar_p": 0.0001}  # fmt: skip
    folder.write("metrics.json", metrics)
    found = made(folder)
    assert found.tiles[0].note == "95 % between 0.700 and 0.900"
    assert found.sections[0].blocks[-1].text == (  # type: ignore[union-attr]
        "Accuracy less that of TF-IDF: +0.050 (95 % between +0.010 and +0.090; paired bootstrap, p\u00a0=\u00a00.012). "
        "McNemar's test: p\u00a0<\u00a00.001."
    )


def test_words_that_an_answer_hangs_on_are_marked_by_their_weight(tmp_path: Path) -> None:
    folder = made_run(tmp_path / "run")
    text = MADE_TEXTS[0]
    start = text.index("of")
    words = [{"start": 0, "end": 4, "weight": 0.02}, {"start": start, "end": start + 2, "weight": -2.0},
             {"start": start + 3, "end": start + 6, "weight": 1.0}]  # fmt: skip
    row = {
        "row_id": 0,
        "text": text,
        "words": words,
        "text2": "no more",
        "words2": [{"start": 3, "end": 7, "weight": 2}],
    }
    folder.write("explanations.json", {"format": 1, "wrong": 9, "explained": 1, "rows": [row]})
    marked = next(section for section in made(folder).sections if section.key == "mistakes").blocks[0]
    assert marked.rows[0][0].parts == (  # type: ignore[union-attr]
        (text[:start], 0.0), ("of", -1.0), (" ", 0.0), ("row", 0.5), (text[start + 6 :], 0.0),
    )  # fmt: skip
    assert marked.rows[0][0].note_parts == (("no ", 0.0), ("more", 1.0), ("", 0.0))  # type: ignore[union-attr]
    assert marked.note.startswith("In 1 rows words are tinted")  # type: ignore[union-attr]
    assert '<mark class="against" style="--weight: 1.00">of</mark>' in written(folder)


@pytest.mark.parametrize("kind", ["one", "value"])
def test_the_report_of_25_000_test_rows_takes_seconds_and_a_few_hundred_kilobytes(tmp_path: Path, kind: str) -> None:
    names = ("stars",) if kind == "value" else ("negative", "positive")
    texts = ["a word and another " * 100] * 60
    folder = made_run(tmp_path / "run", names, kind=kind, texts=texts, rows=25_000)  # type: ignore[arg-type]
    started = time.process_time()
    text = written(folder)
    assert time.process_time() - started < 20
    assert len(text.encode()) < 300_000


def test_a_damaged_file_of_the_run_is_named(tmp_path: Path) -> None:
    folder = made_run(tmp_path / "run")
    (folder.path / "splits.parquet").write_bytes(b"PAR1 not at all")
    with pytest.raises(ModelError) as caught:
        page.write(folder, "en")
    assert caught.value.saw.startswith("splits.parquet is missing or damaged: ")
    assert not (folder.path / "report.html").exists()


def test_a_file_that_lacks_what_it_should_have_is_a_fault_of_the_run(tmp_path: Path) -> None:
    folder = made_run(tmp_path / "run")
    metrics = folder.read("metrics.json")
    folder.write("metrics.json", {name: metrics[name] for name in metrics if name != "seconds"})
    with pytest.raises(ModelError) as caught:
        page.write(folder, "en")
    assert caught.value.saw == "no report can be made of this run: KeyError: 'seconds'"
    assert not (folder.path / "report.html").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    folder = made_run(tmp_path / "run")
    (folder.path / "report.html").mkdir()
    with pytest.raises(OutputError) as caught:
        page.write(folder, "en")
    assert caught.value.saw == "cannot write: Is a directory"


def test_durations_are_written_as_on_the_command_line() -> None:
    words = Words("en")
    assert [words.duration(seconds) for seconds in (0.0, 8.44, 42.0, 130.0, 3900.0)] == [
        "0 s", "8.4 s", "42 s", "2 min 10 s", "1 h 05 min",
    ]  # fmt: skip
