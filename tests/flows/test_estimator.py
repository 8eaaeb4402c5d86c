"""whet.TextClassifier: a classifier of scikit-learn over the job of whet.train."""

from __future__ import annotations

import copy
import io
import json
import pickle
import random
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags

import whet
from tests.conftest import review_rows
from tests.flows.conftest import TEACH, Job, write_csv
from whet import TextClassifier, pipeline
from whet.data.read import read
from whet.estimator import DEFAULT, OWN
from whet.model import choice
from whet.settings import config

TEXTS = [text for text, _ in review_rows()]
LABELS = np.array([label for _, label in review_rows()])
MIXED = StratifiedKFold(3, shuffle=True, random_state=0)

# Settings that are no parameters, each with its reason.
LEFT_OUT = {
    **dict.fromkeys(
        ("text", "pair", "label", "weight", "group", "label_separator", "encoding", "slice"), "X and y, not columns"
    ),
    **dict.fromkeys(("test", "test_rows", "train_rows", "corrections", "allow"), "rows are the caller's to choose"),
    **dict.fromkeys(("task", "label_names"), "y tells"),
    "positive": "the second class, as everywhere in scikit-learn",
    "class_weights": "class_weight",
    "seed": "random_state",
    **dict.fromkeys(
        ("baseline", "label_errors", "near_duplicates", "learning_curve", "folds", "seeds", "brief"),
        "only looks at a model",
    ),
    "min_confidence": "unsure is no class",
    **dict.fromkeys(("output", "fresh", "checkpoint_every", "mirror", "track"), "there is no run folder"),
    **dict.fromkeys(("recipe", "log_every", "lang", "json", "quiet", "yes", "debug"), "of the command line"),
}


@pytest.fixture(scope="session")
def fitted() -> TextClassifier:
    """A linear one, which is asked and not changed."""
    return TextClassifier(model="linear").fit(TEXTS, LABELS)


@pytest.fixture
def tiny(tiny_bert: Path) -> TextClassifier:
    return TextClassifier(model=str(tiny_bert), epochs=1.0, learning_rate=3e-3)


@pytest.fixture(autouse=True)
def _leaves_nothing(
    here: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """No test leaves a file where it stands, nor a temporary folder."""
    scratch = tmp_path_factory.mktemp("scratch")
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield
    assert list(here.iterdir()) == []
    assert list(scratch.glob("whet-*")) == []


# ---------------------------------------------------------------- parameters


def test_every_setting_is_a_parameter_that_is_left_to_whet_or_left_out_for_a_reason() -> None:
    parameters = TextClassifier().get_params()
    assert set(parameters) == {each.name for each in config.fields()} - set(LEFT_OUT) | set(OWN)
    assert {parameters[name] for name in set(parameters) - set(OWN)} == {None}
    assert [parameters[name] for name in OWN] == [None, DEFAULT.seed, False]


def test_a_setting_that_is_given_its_default_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the job would take what suits the model and the rows in its place."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    parameters = set(TextClassifier().get_params()) - set(OWN)
    defaults = {name: getattr(DEFAULT, name) for name in parameters}
    chosen = {name: value for name, value in defaults.items() if value is not None}
    assert chosen["learning_rate"] == 5e-5
    passed = TextClassifier(**chosen)._settings()
    assert {name: passed[name] for name in chosen} == chosen
    assert not parameters & set(TextClassifier()._settings())


def test_a_search_tries_the_defaults_among_its_values(tiny: TextClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 27 rows whet takes 50 epochs, and 2e-4, where nobody chose them."""
    taken, follow = list[tuple[float, float]](), pipeline.follow

    def noted(data: Any, resolved: config.Resolved) -> Iterator[pipeline.Event]:
        for event in follow(data, resolved):
            if isinstance(event, pipeline.Finished):
                run = json.loads((event.run.path / "run.json").read_text(encoding="utf-8"))
                taken.append(tuple(run["settings"][name]["value"] for name in ("epochs", "learning_rate")))
            yield event

    monkeypatch.setattr(pipeline, "follow", noted)
    search = GridSearchCV(tiny, {"epochs": [2.0], "learning_rate": [5e-5, 1e-4]}, cv=2, error_score="raise")
    search.fit(TEXTS, LABELS)
    assert taken[:4] == [(2.0, 5e-5), (2.0, 5e-5), (2.0, 1e-4), (2.0, 1e-4)]


def test_parameters_are_set_shown_and_cloned() -> None:
    made = TextClassifier(epochs=3.0).set_params(learning_rate=1e-4)
    assert repr(made) == "TextClassifier(epochs=3.0, learning_rate=0.0001)"
    assert clone(made).get_params() == made.get_params()
    with pytest.raises(TypeError, match="unexpected keyword argument 'lerning_rate'"):
        TextClassifier(lerning_rate=1.0)  # type: ignore[call-arg]


def test_scikit_learn_takes_it_for_a_classifier_of_texts() -> None:
    tags = get_tags(TextClassifier())
    assert is_classifier(TextClassifier())
    assert (tags.input_tags.string, tags.input_tags.one_d_array, tags.input_tags.two_d_array) == (True, True, False)


def test_a_wrong_value_is_told_as_whet_train_tells_it() -> None:
    with pytest.raises(whet.WhetError, match=r"--epochs: 0 is out of range"):
        TextClassifier(epochs=0).fit(TEXTS, LABELS)
    with pytest.raises(whet.WhetError, match=r"--epochs with --model linear"):
        TextClassifier(model="linear", epochs=3.0).fit(TEXTS, LABELS)


def test_several_processes_of_one_job_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "0")
    with pytest.raises(whet.WhetError, match=r"^torchrun: a TextClassifier in 2 processes\. Expected a single process"):
        TextClassifier(model="linear").fit(TEXTS, LABELS)


def test_a_fit_takes_the_threads_that_joblib_leaves_its_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert TextClassifier()._settings()["threads"] == 3
    assert TextClassifier(threads=2)._settings()["threads"] == 2
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert "threads" not in TextClassifier()._settings()


# ---------------------------------------------------------------- the same job


def test_it_is_the_model_that_whet_train_makes_of_the_same_rows(
    job: Job, tmp_path_factory: Any, tiny_bert: Path
) -> None:
    folder: Path = tmp_path_factory.mktemp("trained")
    write_csv(folder / "reviews.csv", review_rows())
    run = job(folder / "reviews.csv", **TEACH, test="none", output=str(folder / "run")).run
    ours = TextClassifier(model=str(tiny_bert), **TEACH).fit(TEXTS, LABELS)
    theirs = [answer.probabilities for answer in run.predict(TEXTS)]
    assert ours.predict_proba(TEXTS).tolist() == [[each["negative"], each["positive"]] for each in theirs]
    assert ours.metrics_["validation"]["accuracy"] == run.metrics["validation"]["accuracy"]
    assert ours.score(TEXTS, LABELS) > 0.75
    ours.save(folder / "saved")
    assert [each.label for each in whet.load(folder / "saved").predict(TEXTS)] == ours.predict(TEXTS).tolist()
    with pytest.raises(FileExistsError):
        ours.save(folder / "saved")


def test_a_fit_only_trains_and_leaves_no_random_stream_disturbed(
    tiny: TextClassifier, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    import torch

    def streams() -> tuple[Any, ...]:
        return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # type: ignore[index]

    before = streams()
    tiny.fit(TEXTS, LABELS).predict(TEXTS)
    assert streams() == before
    assert {"test", "baselines", "slices"} & set(tiny.metrics_) == {"slices"}
    assert capfd.readouterr() == ("", "")
    assert caplog.messages == []
    tiny.set_params(verbose=True).fit(TEXTS, LABELS)
    assert any("learned nothing" in message for message in caplog.messages)


def test_the_seed_decides(tiny: TextClassifier) -> None:
    def answers(state: Any) -> list[float]:
        found = clone(tiny).set_params(random_state=state).fit(TEXTS, LABELS).decision_function(TEXTS)
        return [float(value) for value in found]

    assert answers(1) == answers(np.int64(1)) != answers(2)


def test_a_generator_or_none_draws_a_seed_for_each_fit() -> None:
    def seed(state: Any) -> int:
        return int(TextClassifier(random_state=state)._settings()["seed"])

    one, other = np.random.RandomState(3), np.random.RandomState(3)
    drawn = [seed(one), seed(one)]
    assert drawn == [seed(other), seed(other)]
    assert drawn[0] != drawn[1]
    np.random.seed(5)
    first = seed(None)
    assert seed(None) != first
    np.random.seed(5)
    assert seed(None) == first


def test_a_stopped_fit_ends_a_search_instead_of_counting_as_failed(tiny: TextClassifier) -> None:
    calls = []

    def score(_: Any, __: Any) -> float:
        calls.append(1)
        if len(calls) > 1:  # the first time it is tried on made-up answers
            signal.raise_signal(signal.SIGINT)
        return 0.0

    search = GridSearchCV(tiny.set_params(metric=score), {"epochs": [1.0, 2.0]}, cv=2)
    with pytest.raises(KeyboardInterrupt, match="stopped by SIGINT"):
        search.fit(TEXTS, LABELS)


# ---------------------------------------------------------------- classes and answers


@pytest.mark.parametrize(
    "classes",
    [["bad", "good"], [0, 1], [10, 9], [False, True], [2, -1], ["x", "longer"], [1.0, 2.0]],
    ids=lambda classes: f"{classes}",
)
def test_classes_keep_their_type_and_the_second_in_order_is_the_positive_one(classes: list[Any]) -> None:
    y = np.array(classes)[(LABELS == "positive").astype(int)]
    made = TextClassifier(model="linear").fit(TEXTS, y)
    assert made.classes_.dtype == y.dtype
    assert made.classes_.tolist() == sorted(classes)
    assert made.predict(TEXTS).dtype == y.dtype
    assert made.predict(TEXTS).tolist() == y.tolist()
    shares, decided = made.predict_proba(TEXTS), made.decision_function(TEXTS)
    assert decided.shape == (60,)
    assert shares.sum(axis=1) == pytest.approx(np.ones(60))
    assert shares[:, 1] == pytest.approx(1 / (1 + np.exp(-decided)))
    assert ((decided > 0) == (y == made.classes_[1])).all()


@pytest.mark.parametrize("kind", ["linear", "transformer"])
def test_more_classes_have_a_column_each_in_their_order(tiny: TextClassifier, kind: str) -> None:
    y = np.array([11, 7, 9])[np.arange(60) % 3]
    made = (TextClassifier(model="linear") if kind == "linear" else tiny).fit(TEXTS, y)
    assert made.classes_.tolist() == [7, 9, 11]
    assert made.predict_proba(TEXTS).shape == made.decision_function(TEXTS).shape == (60, 3)
    best = made.classes_[made.decision_function(TEXTS).argmax(axis=1)]
    assert made.predict(TEXTS).tolist() == best.tolist()
    named = [answer.label for answer in made._predictor.predict(TEXTS)]
    assert [str(each) for each in best] == named


# ---------------------------------------------------------------- copies


@pytest.mark.parametrize("kind", ["linear", "transformer"])
def test_a_pickled_and_a_copied_one_answer_alike_and_hold_safetensors(tiny: TextClassifier, kind: str) -> None:
    made = (TextClassifier(model="linear") if kind == "linear" else tiny).fit(TEXTS, LABELS)
    content = pickle.dumps(made)
    assert b"model.safetensors" in content
    assert modules_in(content) <= {"whet", "numpy", "builtins"}
    answers = made.predict_proba(TEXTS).tolist()
    for other in (pickle.loads(content), copy.deepcopy(made)):
        assert other.predict_proba(TEXTS).tolist() == answers
        assert pickle.dumps(other) == content
    assert clone(made).__dict__.keys() == TextClassifier().__dict__.keys()


def modules_in(content: bytes) -> set[str]:
    """The packages whose classes and functions a pickle names."""
    found = set()

    class Reader(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            found.add(module.split(".")[0])
            return super().find_class(module, name)

    Reader(io.BytesIO(content)).load()
    return found


def test_texts_whose_words_no_model_has_get_a_linear_one_as_of_whet_train(
    fitted: TextClassifier, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "wordless", lambda texts, device: "no words")
    monkeypatch.setattr(choice, "choose", lambda texts, device: choice.Choice(str(tiny_bert), "it is tiny"))
    made = TextClassifier().fit(TEXTS, LABELS)
    assert json.loads(made._model._files["whet.json"])["kind"] == "linear"
    answers = fitted.predict_proba(TEXTS).tolist()
    assert pickle.loads(pickle.dumps(made)).predict_proba(TEXTS).tolist() == answers
    assert made.classes_.tolist() == ["negative", "positive"]


def test_a_damaged_pickle_is_refused(fitted: TextClassifier) -> None:
    broken = copy.deepcopy(fitted)
    weights = broken._model._files["model.safetensors"]
    broken._model._files["model.safetensors"] = weights[:-1] + bytes([weights[-1] ^ 1])
    with pytest.raises(whet.WhetError, match="changed or damaged after it was saved"):
        broken.predict(TEXTS)


# ---------------------------------------------------------------- what X and y may be


@pytest.mark.parametrize(
    "given",
    [
        TEXTS, tuple(TEXTS), np.array(TEXTS), np.array(TEXTS, dtype=object), np.array(TEXTS)[:, None],
        [[text] for text in TEXTS], pd.Series(TEXTS), pd.Series(TEXTS, index=range(60, 0, -1)),
        pd.Series(TEXTS, dtype="category"), pd.DataFrame({"review": TEXTS}),
    ],
    ids=["list", "tuple", "str", "object", "column", "lists", "series", "index", "category", "frame"],
)  # fmt: skip
def test_texts_come_in_any_form_of_one_column(fitted: TextClassifier, given: Any) -> None:
    assert fitted.predict(given).tolist() == fitted.predict(TEXTS).tolist()
    made = TextClassifier(model="linear").fit(given, pd.Series(LABELS))
    assert made.predict_proba(given).tolist() == fitted.predict_proba(TEXTS).tolist()


def test_texts_come_as_series_and_frames_of_polars(fitted: TextClassifier) -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed: it is no dependency, for it takes 181 MB")
    made = TextClassifier(model="linear").fit(polars.Series(TEXTS), polars.Series(LABELS.tolist()))
    for given in (polars.Series(TEXTS), polars.DataFrame({"review": TEXTS})):
        assert made.predict_proba(given).tolist() == fitted.predict_proba(TEXTS).tolist()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("a text", "X is one string: 'a text'. Expected a list, an array or a Series of texts"),
        ([["a", "b"]], "X has the shape (1, 2). Expected a text in each row: (n,) or (n, 1)"),
        (3, "X has the shape (). Expected a text in each row: (n,) or (n, 1)"),
        ([], "Found array with 0 sample(s) in X while a minimum of 1 is required"),
        (["a", None], "row 1 of X is None. Expected a text, a str, in each row"),
        (np.ones(2), "row 0 of X is 1.0. Expected a text, a str, in each row"),
        (pd.Series(["a", None]), "row 1 of X is nan. Expected a text, a str, in each row"),
    ],
)
def test_what_is_no_text_is_named(fitted: TextClassifier, given: Any, message: str) -> None:
    for ask in (fitted.predict, lambda X: TextClassifier().fit(X, LABELS)):
        with pytest.raises(ValueError) as caught:
            ask(given)
        assert str(caught.value) == message


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (LABELS[:59], "Found input variables with inconsistent numbers of samples: [60, 59]"),
        (["one"] * 60, "y has one class: 'one'. Expected two classes or more"),
        (np.linspace(0, 1, 60), "Unknown label type: continuous."),
        ([*LABELS[:59], np.nan], "contains NaN"),
        (np.ones((60, 2)), "y should be a 1d array, got an array of shape (60, 2) instead."),
        (None, "TextClassifier requires y to be passed, but the target y is None"),
    ],
)
def test_what_are_no_classes_is_named(y: Any, message: str) -> None:
    if isinstance(y, list) and np.nan in y:
        y = np.array(y, dtype=object)
    with pytest.raises(ValueError) as caught:
        TextClassifier().fit(TEXTS, y)
    assert message in str(caught.value)


@pytest.mark.parametrize("ask", ["predict", "predict_proba", "decision_function", "save"])
def test_one_that_has_learnt_nothing_says_so(ask: str) -> None:
    with pytest.raises(NotFittedError, match="This TextClassifier instance is not fitted yet"):
        getattr(TextClassifier(), ask)("x" if ask == "save" else TEXTS)


def test_without_scikit_learn_the_way_to_install_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from whet.system import packages

    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    monkeypatch.delitem(sys.modules, "whet.estimator")
    monkeypatch.delitem(whet.__dict__, "TextClassifier", raising=False)
    monkeypatch.setattr(packages, "missing_for_training", lambda: ["torch", "scikit-learn"])
    with pytest.raises(whet.WhetError, match=r"^whet\.TextClassifier needs scikit-learn, not installed in "):
        _ = whet.TextClassifier


# ---------------------------------------------------------------- weights


def test_rows_that_count_more_decide() -> None:
    other = np.where(LABELS == "positive", "negative", "positive")
    texts, y = TEXTS * 2, np.concatenate([LABELS, other])
    for sure in (LABELS, other):
        weights = np.where(np.concatenate([LABELS, other]) == np.concatenate([sure, sure]), 9.0, 1.0)
        made = TextClassifier(model="linear", validation="none").fit(texts, y, sample_weight=weights)
        assert made.score(TEXTS, sure) == 1.0


@pytest.mark.parametrize("kind", ["linear", "transformer"])
def test_a_row_of_weight_0_is_as_if_it_were_not_there(tiny: TextClassifier, kind: str) -> None:
    made = TextClassifier(model="linear") if kind == "linear" else tiny
    weights = np.ones(60)
    weights[::7] = 0
    there = np.flatnonzero(weights)
    with_it = clone(made).fit(TEXTS, LABELS, sample_weight=weights).decision_function(TEXTS)
    without = clone(made).fit([TEXTS[row] for row in there], LABELS[there], weights[there]).decision_function(TEXTS)
    assert with_it.tolist() == without.tolist()


def test_a_class_counts_by_class_weight_as_its_rows_by_sample_weight() -> None:
    y = np.where(np.arange(60) % 10 == 0, "rare", "usual")
    balanced = np.where(y == "rare", 60 / (2 * 6), 60 / (2 * 54))
    made = TextClassifier(model="linear").fit(TEXTS, y, sample_weight=balanced)
    for weight in ("balanced", {"rare": 9, "usual": 1}):
        other = TextClassifier(model="linear", class_weight=weight).fit(TEXTS, y)
        assert other.decision_function(TEXTS) == pytest.approx(made.decision_function(TEXTS), abs=1e-6)
    plain = TextClassifier(model="linear").fit(TEXTS, y)
    assert made.predict_proba(TEXTS)[:, 0].mean() > 1.3 * plain.predict_proba(TEXTS)[:, 0].mean()


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros(60), "zero"),
        (-np.ones(60), "Negative values in data passed to `sample_weight`"),
        (np.ones(59), "sample_weight.shape == (59,), expected (60,)!"),
    ],
)
def test_weights_that_make_no_sense_are_named(weights: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        TextClassifier(model="linear").fit(TEXTS, LABELS, sample_weight=weights)
    assert message in str(caught.value).replace("are 0", "zero")


# ---------------------------------------------------------------- inside of scikit-learn


def test_it_is_a_step_of_a_pipeline() -> None:
    upper = FunctionTransformer(lambda texts: [text.upper() for text in texts])
    made = make_pipeline(upper, TextClassifier(model="linear"))
    made.fit(TEXTS, LABELS, textclassifier__sample_weight=np.ones(60))
    assert made.predict(TEXTS).tolist() == LABELS.tolist()


def test_it_is_scored_in_cross_validation() -> None:
    for texts in (TEXTS, np.array(TEXTS), pd.Series(TEXTS)):
        assert cross_val_score(TextClassifier(model="linear"), texts, LABELS, cv=MIXED).tolist() == [1.0, 1.0, 1.0]


def test_it_is_searched_in_one_process_and_in_two_with_the_same_scores() -> None:
    grid = {"validation": ["none", 0.1, 0.3]}
    found = [
        GridSearchCV(TextClassifier(model="linear"), grid, cv=MIXED, scoring="neg_log_loss", n_jobs=count)
        for count in (1, 2)
    ]
    one, two = (search.fit(TEXTS, LABELS).cv_results_["mean_test_score"].tolist() for search in found)
    assert one == two
    assert len(set(one)) > 1
    alone, beside = (search.predict_proba(TEXTS).tolist() for search in found)
    assert alone == beside


def test_numbers_of_numpy_are_as_good_as_others(tiny: TextClassifier) -> None:
    grid = {"layers": np.array([1, 2]), "learning_rate": np.array([3e-3]), "require_gpu": np.array([False])}
    search = GridSearchCV(tiny, grid, cv=2, error_score="raise").fit(TEXTS, LABELS)
    assert search.best_params_["layers"] in (1, 2)


def test_it_is_calibrated_and_votes(tiny: TextClassifier) -> None:
    calibrated = CalibratedClassifierCV(TextClassifier(model="linear"), cv=MIXED).fit(TEXTS, LABELS)
    assert calibrated.predict(TEXTS).tolist() == LABELS.tolist()
    voters = [("linear", TextClassifier(model="linear")), ("tiny", tiny)]
    voted = VotingClassifier(voters, voting="soft").fit(TEXTS, LABELS)
    shares = [each.predict_proba(TEXTS) for each in voted.estimators_]
    assert voted.predict_proba(TEXTS) == pytest.approx((shares[0] + shares[1]) / 2)
    assert voted.predict(TEXTS)[0] in ("negative", "positive")


@pytest.mark.slow
def test_a_search_over_learning_rate_and_layers_on_the_sample_reviews() -> None:
    """Eight short fits and their equals in two processes; how right they are is not what is looked at."""
    table = read("sample:reviews").tables["train"]
    texts, y = np.array(table.columns["text"][:120]), np.array(table.columns["label"][:120])
    made = TextClassifier(model="embedded", epochs=1.0, max_length=64)
    grid = {"learning_rate": [1e-4, 5e-4], "layers": [1, 2]}
    one, two = (
        GridSearchCV(made, grid, cv=2, scoring="neg_log_loss", n_jobs=count, error_score="raise").fit(texts, y)
        for count in (1, 2)
    )
    scores = one.cv_results_["mean_test_score"].tolist()
    assert scores == two.cv_results_["mean_test_score"].tolist()
    assert len(set(scores)) == 4
    assert one.best_params_ == two.best_params_
    answers = one.predict_proba(texts).tolist()
    assert pickle.loads(pickle.dumps(two)).predict_proba(texts).tolist() == answers
    assert clone(one.best_estimator_).fit(texts, y).predict_proba(texts).tolist() == answers
