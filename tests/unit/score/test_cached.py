import dataclasses
import json

import numpy as np
import pytest

from whet.disk import durable
from whet.errors import OutputError
from whet.labels import LabelSet
from whet.score import cached, linear
from whet.score.baseline import baselines
from whet.score.features import Inputs

BINARY = LabelSet(("neg", "pos"), "pos", "by name")
SEVERAL = LabelSet(("neg", "pos"), None, "", kind="several")
VALUE = LabelSet(("stars",), None, "", kind="value")
PRAISE = ["a lovely warm film", "warm and lovely", "a lovely cast", "such a warm story", "lovely songs"]
BLAME = ["a dreary cold film", "cold and dreary", "a dreary cast", "such a cold story", "dreary songs"]
TRAIN = [*PRAISE, *BLAME, "a cold one"]
TRAIN_IDS = np.array([1] * 5 + [0] * 6)
TEST = ["lovely", "warm lovely thing", "dreary", "cold dreary thing"]
TEST_IDS = np.array([1, 1, 0, 0])
KINDS = {
    "several": (SEVERAL, np.stack([TRAIN_IDS == 0, TRAIN_IDS == 1], axis=1), np.eye(2, dtype=bool)[TEST_IDS]),
    "value": (VALUE, TRAIN_IDS * 2.5, TEST_IDS * 2.0),
}


def run(cache=None, train=TRAIN, train_ids=TRAIN_IDS, test=TEST, test_ids=TEST_IDS, labels=BINARY, pairs=None):
    second, test_second = pairs or (None, None)
    return baselines(Inputs(train, second), train_ids, Inputs(test, test_second), test_ids, labels, cache=cache)


def run_kind(kind, cache, pairs=None):
    labels, known, true = KINDS[kind]
    return run(cache, train_ids=known, test_ids=true, labels=labels, pairs=pairs)


def cache_file(folder):
    (file,) = (folder / "baselines").iterdir()
    return file


def test_the_second_call_reads_the_cache_and_fits_nothing(tmp_path, monkeypatch):
    first = run(tmp_path)
    monkeypatch.setattr(linear, "classes", lambda *_, **__: pytest.fail("fitted again"))
    assert run(tmp_path) == dataclasses.replace(first, cached=True)
    assert cache_file(tmp_path).suffix == ".json"


@pytest.mark.parametrize(
    "other",
    [
        {"train": [*TRAIN[:-1], "a cold two"]},
        {"train_ids": np.array([1] * 6 + [0] * 5)},
        {"test": [*TEST[:-1], "cold"]},
        {"labels": LabelSet(("부정", "긍정"), "긍정", "by name")},
        {"train": [TRAIN[0] + TRAIN[1][:1], TRAIN[1][1:], *TRAIN[2:]]},
    ],
)
def test_any_other_input_is_computed_anew(tmp_path, other):
    run(tmp_path)
    assert not run(tmp_path, **other).cached


@pytest.mark.parametrize(
    "other", [{"test_ids": np.array([1, 1, 0, 1])}, {"labels": LabelSet(("neg", "pos"), "neg", "asked for")}]
)
def test_other_labels_of_the_test_rows_are_scored_from_the_same_answers(tmp_path, other):
    run(tmp_path)
    again, anew = run(tmp_path, **other), run(**other)
    assert again.cached
    assert (again.tfidf, again.majority, again.nbsvm) == (anew.tfidf, anew.majority, anew.nbsvm)


def test_answers_come_back_as_they_were(tmp_path):
    first, again = run(tmp_path), run(tmp_path)
    assert list(again.answers) == ["majority", "tfidf", "nbsvm"]
    for name, each in first.answers.items():
        assert again.answers[name].tolist() == each.tolist()


def test_what_was_left_out_is_computed_where_it_is_wanted_and_kept_where_it_is_not(tmp_path):
    assert (
        baselines(Inputs(TRAIN), TRAIN_IDS, Inputs(TEST), TEST_IDS, BINARY, cache=tmp_path, nbsvm=False).nbsvm is None
    )
    assert not run(tmp_path).cached
    assert (
        baselines(Inputs(TRAIN), TRAIN_IDS, Inputs(TEST), TEST_IDS, BINARY, cache=tmp_path, nbsvm=False).nbsvm
        is not None
    )


def test_a_new_method_is_computed_anew(tmp_path, monkeypatch):
    run(tmp_path)
    monkeypatch.setitem(cached.METHOD, "one", "next")
    assert not run(tmp_path).cached


def damaged(document, path, value):
    *parents, last = path
    place = document
    for key in parents:
        place = place[key]
    place[last] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "damage",
    [
        lambda document: b"",
        lambda document: json.dumps(document).encode()[:-9],
        lambda document: b"\xff\xfe",
        lambda document: b"[]",
        lambda document: b"{}",
        lambda document: damaged(document, ("answers",), None),
        lambda document: damaged(document, ("answers", "tfidf"), document["answers"]["majority"]),
        lambda document: damaged(document, ("constant",), "other"),
        lambda document: damaged(document, ("seconds",), None),
        lambda document: damaged(document, ("sha256",), "0" * 64),
    ],
)
def test_a_damaged_cache_file_is_ignored_and_written_anew(tmp_path, damage):
    first = run(tmp_path)
    file = cache_file(tmp_path)
    file.write_bytes(damage(json.loads(file.read_text())))
    again = run(tmp_path)
    assert (again.cached, again.tfidf, again.majority) == (False, first.tfidf, first.majority)
    assert run(tmp_path).cached


def test_a_write_that_fails_names_the_file_and_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable.os, "fsync", full)
    with pytest.raises(OutputError, match="the cache cannot be written: No space left on device"):
        run(tmp_path)
    assert list((tmp_path / "baselines").iterdir()) == []


def test_a_cache_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "baselines").write_text("a file in its place")
    with pytest.raises(OutputError, match="the cache cannot be written"):
        run(tmp_path)


# ---------------------------------------------------------------- other kinds


@pytest.mark.parametrize("kind", ["several", "value"])
def test_scores_of_every_kind_come_back_as_they_were(tmp_path, monkeypatch, kind):
    first = run_kind(kind, tmp_path)
    for name in ("answers", "values"):
        monkeypatch.setattr(linear, name, lambda *_: pytest.fail("fitted again"))
    again = run_kind(kind, tmp_path)
    assert again == dataclasses.replace(first, cached=True)
    assert again.answers["tfidf"].tolist() == first.answers["tfidf"].tolist()


@pytest.mark.parametrize("kind", ["several", "value"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda document: b"",
        lambda document: json.dumps(document).encode()[:-9],
        lambda document: b"[]",
        lambda document: b"{}",
        lambda document: damaged(document, ("answers", "tfidf"), ""),
        lambda document: damaged(document, ("thresholds",), {"a": 1}),
        lambda document: damaged(document, ("sha256",), "0" * 64),
    ],
)
def test_a_damaged_file_of_another_kind_is_ignored_and_written_anew(tmp_path, kind, damage):
    first = run_kind(kind, tmp_path)
    file = cache_file(tmp_path)
    file.write_bytes(damage(json.loads(file.read_text())))
    again = run_kind(kind, tmp_path)
    assert (again.cached, again.tfidf, again.majority) == (False, first.tfidf, first.majority)
    assert run_kind(kind, tmp_path).cached


def test_second_texts_belong_to_the_key(tmp_path):
    run(tmp_path)
    pairs = (TRAIN[::-1], TEST[::-1])
    assert not run(tmp_path, pairs=pairs).cached
    assert run(tmp_path, pairs=pairs).cached
    assert not run(tmp_path, pairs=(TRAIN, TEST[::-1])).cached
    keys = {
        cached.key(inputs, TRAIN_IDS[:2], Inputs(["x"]), BINARY)
        for inputs in (Inputs(["a", "b"]), Inputs(["a", "b"], ["a", "b"]), Inputs(["a", "b"], ["", "ab"]))
    }
    assert len(keys) == 3


def test_a_kind_belongs_to_the_key():
    inputs, targets = Inputs(["a"]), np.zeros((1, 1))
    keys = {
        cached.key(inputs, targets, inputs, LabelSet(("a",), None, "", kind=kind))
        for kind in ("one", "several", "value")
    }
    assert len(keys) == 3
