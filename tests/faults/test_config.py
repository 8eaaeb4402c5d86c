"""C: options, recipes and settings that are wrong, at odds with each other or with the machine.

Exit code 2, and nothing on the disk; where the disk itself does not take what was asked for, 7.
"""

from __future__ import annotations

import datetime
import json
import math
import os
import signal
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import review_rows
from tests.faults.conftest import names, told
from tests.flows.conftest import Command, Ended, Job, content_of, events_of, write_csv
from whet import pipeline
from whet.cli.arguments import understand
from whet.disk import durable
from whet.errors import Interrupted, UsageError
from whet.records import StepRecord
from whet.settings import config

NAMES = tuple(setting.name for setting in config.fields())
BRIEF = ("--threads", "1", "--no-baseline", "--epochs", "1")


@pytest.fixture
def reviews(here: Path) -> str:
    return write_csv(here / "reviews.csv", review_rows()).name


@pytest.fixture
def train(whet: Command, reviews: str, tiny_bert: Path) -> Callable[..., Ended]:
    """The command on the reviews and the tiny model; the last of two equal options holds."""
    return lambda *arguments: whet("train", reviews, "--model", str(tiny_bert), *BRIEF, *arguments)


# ---------------------------------------------------------------- C1


def one_edit(word: str) -> Iterator[str]:
    """A letter too few, twice, changed with its neighbour, or another one."""
    for place in range(len(word)):
        left, letter, right = word[:place], word[place], word[place + 1 :]
        yield left + right
        yield left + letter + letter + right
        yield left + right[:1] + letter + right[1:]
        yield left + string.ascii_lowercase[(place * 7 + len(word)) % 26] + right


def test_every_setting_with_one_letter_wrong_is_unknown_and_the_nearest_is_named() -> None:
    """C1"""
    tried = suggested = 0
    flags = {f"--{name.replace('_', '-')}": True for name in NAMES}
    for name in NAMES:
        for typo in sorted(set(one_edit(name)) - set(NAMES) - set(config.ALIASES) - {"", "data"}):
            with pytest.raises(UsageError) as caught:
                config.resolve({typo: 1})
            assert caught.value.saw == f"unknown setting {typo!r}"
            with pytest.raises(UsageError) as flagged:
                understand([f"--{typo}", "1"], flags, "whet train")
            assert flagged.value.saw == f"unknown option --{typo}"
            tried += 1
            # Of two names that are as near as each other, such as test and text, one is named.
            suggested += f"{name!r}" in caught.value.todo and f"--{name.replace('_', '-')}'" in flagged.value.todo
    assert tried > 1000
    assert suggested > 0.97 * tried


# ---------------------------------------------------------------- C2

ANY = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, -1, 10**400, -(10**5000), 2**32, 2**64, 1e308, 5e-324, -0.0, math.nan, math.inf])
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["fast", "1e999", "1h", "0m", "9" * 400 + "h", "nan", "a\x1b[31mb", "\ud800", "x" * 5000])
    | st.binary(max_size=4)
    | st.lists(st.integers(), max_size=3)
    | st.dictionaries(st.text(max_size=2), st.none(), max_size=2)
    | st.just(datetime.date(2026, 11, 24))
    | st.just(Path("a/b"))
)


@pytest.mark.parametrize("name", NAMES)
def test_any_value_of_any_setting_is_taken_in_its_type_or_is_a_usage_error(name: str) -> None:
    """C2"""

    @given(ANY)
    @settings(max_examples=250)
    def check(value: object) -> None:
        try:
            resolved = config.resolve({name: value})
        except UsageError as fault:
            assert fault.exit_code == 2
            assert len(fault.message) < 5400
            if name != "recipe":
                assert fault.where == f"--{name.replace('_', '-')}"
                assert len(fault.saw) < 200
            return
        taken = getattr(resolved.settings, name)
        assert isinstance(taken, str | int | float | bool | None)
        assert taken == value or str(value) == taken
        json.dumps(taken, allow_nan=False)
        assert config.resolve({name: taken}).settings == resolved.settings

    check()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--learning-rate", "fast"), "--learning-rate: 'fast' is not a number. Expected a number."),
        (("--batch-size", "2.5"), "--batch-size: 2.5 is not a whole number. Expected a whole number."),
        (("--batch-size", "0"), "--batch-size: 0 is out of range. Expected at least 1."),
        (("--learning-rate", "nan"), "--learning-rate: nan is not a number. Expected a number."),
        (("--weight-decay", "-1"), "--weight-decay: -1 is out of range. Expected at least 0."),
        (("--epochs", "1e15"), "--epochs: 1e+15 is out of range. Expected above 0 and at most 1000."),
        (
            ("--seed", str(2**64)),
            "--seed: 1.84467e+19 is out of range. Expected at least 0 and at most 4294967295.",
        ),
        (("--threads", "100000"), "--threads: 100000 is out of range. Expected at least 1 and at most 1024."),
        (("--budget", "9" * 400 + "h"), f"--budget: '{'9' * 79}…' is out of range. Expected at most a year."),
        (("--test", "nan"), "--test: nan is no share. Expected a number above 0 and below 1."),
        (("--validation", "1.5"), "--validation: 1.5 is no share. Expected a number above 0 and below 1."),
        (("--encoding", "klingon"), "--encoding: unknown encoding 'klingon'. Expected utf-8, cp949, latin-1, utf-16 "
         "or the like."),
    ],
)  # fmt: skip
def test_a_wrong_value_ends_the_command_before_anything_is_written(
    train: Callable[..., Ended], here: Path, arguments: tuple[str, ...], message: str
) -> None:
    """C2: values that made the command crash, hang or go out of memory among them."""
    told(train(*arguments), 2, message)
    assert names(here) == ["reviews.csv"]


# ---------------------------------------------------------------- C3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            'epochs: 2\nx: !!python/object/apply:os.system ["touch canary"]\n',
            "recipe mine.toml: not TOML: Expected '=' after a key in a key/value pair (at line 1, column 7).",
        ),
        ("epochs = 2\nepochs = 3\n", "recipe mine.toml: not TOML: Cannot overwrite a value (at line 2, column 11)."),
        (
            "lr = 1e-4\nlearning_rate = 1e-3\n",
            "recipe mine.toml: learning_rate stands twice, once as lr and once as learning_rate.",
        ),
        ('recipe = "demo"\n', "recipe mine.toml: a recipe that names another. Leave out the key recipe."),
        ("[epochs]\na = 1\n", "recipe mine.toml, epochs: {'a': 1} is not a number. Expected a number."),
        ("x = " + "[" * 5000, "recipe mine.toml: not TOML: maximum recursion depth exceeded"),
        ("seed = " + "9" * 5000, "recipe mine.toml: not TOML: Exceeds the limit (4300 digits) for integer string "),
        ("seed = " + "9" * 400, "recipe mine.toml, seed: a number of 1,329 bits is out of range."),
        ('epochs = 2\ncolour = "red"\n', "recipe mine.toml: unknown setting 'colour'."),
        ("\0", "recipe mine.toml: not TOML: Invalid statement (at line 1, column 1)."),
    ],
    ids=["yaml", "twice", "two spellings", "recipe in recipe", "table", "deep", "huge", "large", "unknown", "nul"],
)
def test_a_recipe_that_cannot_be_meant_is_refused_with_its_place(
    train: Callable[..., Ended], here: Path, content: str, message: str
) -> None:
    """C3"""
    (here / "mine.toml").write_text(content)
    ended = train("--recipe", "mine.toml")
    (error,) = ended.errors
    assert error.startswith(message)
    assert (ended.code, ended.out) == (2, "")
    assert names(here) == ["mine.toml", "reviews.csv"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"0": "a", "0": "b"}', "not JSON: the key '0' stands twice."),
        ('{"0": "a", ', "not JSON: Expecting property name enclosed in double quotes: line 1 column 12 (char 11)."),
        (
            "[" * 100_000,
            "not JSON: maximum recursion depth exceeded while decoding a JSON array from a unicode string.",
        ),
        ("9" * 5000, "not JSON: Exceeds the limit (4300 digits) for integer string conversion: "),
        ("3", "no label names in this file. Expected "),
    ],
    ids=["twice", "cut off", "deep", "huge", "number"],
)
def test_a_file_of_label_names_that_cannot_be_meant_is_refused(
    train: Callable[..., Ended], here: Path, content: str, message: str
) -> None:
    """C3"""
    (here / "names.json").write_text(content)
    ended = train("--label-names", "names.json")
    (error,) = ended.errors
    assert error.startswith(f"--label-names names.json: {message}")
    assert ended.code == 2
    assert names(here) == ["names.json", "reviews.csv"]


# ---------------------------------------------------------------- C4


WATCH = "Expected validation rows to watch. Give --validation a share such as 0.1, or leave out"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--early-stopping", "2", "--validation", "none"),
            f"--early-stopping with --validation none. {WATCH} --early-stopping.",
        ),
        (("--metric", "loss", "--validation", "none"), f"--metric with --validation none. {WATCH} --metric."),
        (("--keep", "best", "--validation", "none"), f"--keep with --validation none. {WATCH} --keep."),
        (
            ("--evaluate-every", "1", "--validation", "none"),
            f"--evaluate-every with --validation none. {WATCH} --evaluate-every.",
        ),
        (
            ("--test-rows", "5", "--test", "none"),
            "--test-rows with --test none. Expected test rows to score. "
            "Give --test a share such as 0.1, or leave out --test-rows.",
        ),
        (
            ("--warmup", "4"),
            "--warmup: 4 steps of warm-up in a training of 3. Expected at most 3, or a share of them such as 0.06. "
            "Lower --warmup, or give more --epochs.",
        ),
        (
            ("--test", "0.5", "--validation", "0.5"),
            "--test, --validation: a test share of 0.5 and a validation share of 0.5 leave nothing to train. "
            "Expected shares that sum to less than 1.",
        ),
        (
            ("--require-gpu", "--device", "cpu"),
            "--require-gpu: the training would run on the CPU: --device cpu says so. "
            "Expected a GPU that PyTorch can use.",
        ),
        (("--layers", "3"), "--layers: 3 layers, but {model} has 2. Expected 1 to 2."),
    ],
    ids=lambda value: value[0].strip("-") if isinstance(value, tuple) else "",
)
def test_settings_that_contradict_each_other_are_both_named(
    train: Callable[..., Ended], here: Path, tiny_bert: Path, arguments: tuple[str, ...], message: str
) -> None:
    """C4"""
    told(train(*arguments), 2, message.format(model=tiny_bert))
    assert names(here) == ["reviews.csv"]


def test_what_a_recipe_says_of_validation_may_lie_idle(here: Path) -> None:
    """C4: it cannot be taken back by the one who leaves out the validation rows."""
    (here / "mine.toml").write_text('metric = "accuracy"\nevaluate_every = 5\n')
    assert config.resolve({"recipe": "mine.toml", "validation": "none"}).settings.metric == "accuracy"
    (here / "mine.toml").write_text('metric = "accuracy"\nvalidation = "none"\n')
    with pytest.raises(UsageError, match="--metric with --validation none"):
        config.resolve({"recipe": "mine.toml"})
    assert config.resolve({"validation": "none", "keep": "last"}).settings.keep == "last"


def test_a_warmup_of_all_steps_and_one_under_a_budget_are_taken(job: Job, reviews: str) -> None:
    """C4: the steps of a budget are not known before."""
    steps = job(reviews, epochs=1.0, warmup=3, baseline=False, output="a").steps
    assert [step.learning_rate for step in steps] == pytest.approx([5e-5 / 3, 5e-5 * 2 / 3, 5e-5])
    assert job(reviews, epochs=1.0, warmup=4, baseline=False, output="b", budget="10m").steps


# ---------------------------------------------------------------- C6


def test_a_device_that_is_not_there_is_named_with_those_that_are(
    train: Callable[..., Ended], here: Path, hidden_gpu: None
) -> None:
    """C6"""
    told(
        train("--device", "cuda"),
        2,
        "--device: no cuda device can be used: CUDA_VISIBLE_DEVICES hides every GPU. Expected cpu. "
        "Unset CUDA_VISIBLE_DEVICES, or set it to the numbers of the cards to use.",
    )
    assert names(here) == ["reviews.csv"]


# ---------------------------------------------------------------- C7


@pytest.mark.parametrize("written", [".", "./", "thesis/..", "../{here}"])
def test_the_folder_one_stands_in_is_no_run_and_is_left_alone(
    train: Callable[..., Ended], here: Path, written: str
) -> None:
    """C7"""
    (here / "thesis").mkdir()
    (here / "thesis" / "text.txt").write_text("three years of work")
    before = content_of(here)
    output = written.format(here=here.name)
    shown = output if output.startswith("../") else str(here)
    told(train("--output", output), 2, f"--output: {shown} holds files that no run wrote. Give another --output.")
    assert content_of(here) == before


def test_the_root_of_the_disk_is_no_run(train: Callable[..., Ended], here: Path) -> None:
    """C7"""
    told(train("--output", "/"), 2, "--output: / is the root of the disk. Expected a folder of its own.")


def test_another_run_is_left_alone_whatever_its_description_is(train: Callable[..., Ended], here: Path) -> None:
    """C7: files that only look like a run's."""
    for number, content in enumerate(["", "[]", '{"digest": 3}', '{"digest": "x", "settings": [1]}', "[" * 100_000]):
        folder = here / f"mine{number}"
        folder.mkdir()
        (folder / "run.json").write_text(content)
        (folder / "metrics.json").write_text("{}")
        before = content_of(folder)
        ended = train("--output", folder.name)
        (error,) = ended.errors
        assert error.startswith(f"--output: {folder.name} holds ")
        assert ended.code == 2
        assert content_of(folder) == before


# ---------------------------------------------------------------- C8


STOPPED: dict[str, Any] = {
    "epochs": 4.0, "learning_rate": 3e-3, "threads": 1, "batch_size": 8, "baseline": False, "max_length": 100,
    "label_names": "negative=bad,positive=good",
}  # fmt: skip


def stopped(data: str, model: Path, **more: Any) -> Path:
    """The folder of a job that was stopped after 5 steps."""
    with pytest.raises(Interrupted):
        for event in pipeline.follow(data, config.resolve({**STOPPED, "model": str(model), **more})):
            if isinstance(event, StepRecord) and event.step == 5:
                os.kill(os.getpid(), signal.SIGTERM)
    (path,) = Path.cwd().glob("**/checkpoints")
    return path.parent


OTHER = {
    "learning_rate": (1e-3, "learning_rate 0.003, now 0.001"),
    "batch_size": (4, "batch_size 8, now 4"),
    "seed": (1, "seed 42, now 1"),
    "max_length": (50, "max_length 100, now 50"),
    "epochs": (5.0, "epochs 4.0, now 5.0"),
    "label_names": (
        "positive=good,negative=bad",
        "label_names 'negative=bad,positive=good', now 'positive=good,negative=bad'",
    ),
}


def test_a_run_is_not_gone_on_with_by_other_settings_and_the_differences_are_listed(
    reviews: str, tiny_bert: Path, here: Path
) -> None:
    """C8"""
    run = stopped(reviews, tiny_bert, output="run")
    before = content_of(run)
    same = {**STOPPED, "model": str(tiny_bert), "output": "run"}
    for name, (value, difference) in OTHER.items():
        with pytest.raises(UsageError) as caught:
            list(pipeline.follow(reviews, config.resolve({**same, name: value})))
        assert caught.value.message == (
            f"--output: run holds a run of other settings: {difference}. "
            "Give another --output, or --fresh to keep that run and start beside it."
        )
    write_csv(here / reviews, [*review_rows(), ("One more.", "positive")])
    with pytest.raises(UsageError, match="run holds a run of other data or another model"):
        list(pipeline.follow(reviews, config.resolve(same)))
    assert content_of(run) == before


def test_without_output_other_settings_are_another_run_and_the_stopped_one_can_still_go_on(
    reviews: str, job: Job, tiny_bert: Path, here: Path
) -> None:
    """C8"""
    run = stopped(reviews, tiny_bert)
    before = content_of(run)
    other = job(reviews, **{**STOPPED, "learning_rate": 1e-3})
    assert other.path.resolve() != run
    assert other.steps[0].step == 1
    assert content_of(run) == before
    told_ = job(reviews, **STOPPED)
    assert told_.path.resolve() == run
    assert "going on after step 5 of 24" in told_.notices


def test_settings_that_decide_no_result_may_change(reviews: str, job: Job, tiny_bert: Path, here: Path) -> None:
    """C8"""
    stopped(reviews, tiny_bert)
    free = {"log_every": 1, "checkpoint_every": 3, "mirror": "drive", "lang": "ko", "quiet": True, "debug": True}
    assert set(free) <= {setting.name for setting in config.fields() if not setting.metadata["result"]}
    assert "going on after step 5 of 24" in job(reviews, **STOPPED, **free).notices


# ---------------------------------------------------------------- C9


def test_a_run_that_goes_on_with_other_versions_is_warned_and_the_warning_is_kept(
    reviews: str, job: Job, tiny_bert: Path
) -> None:
    """C9"""
    run = stopped(reviews, tiny_bert)
    (checkpoint,) = (run / "checkpoints").glob("step-*")
    numbers = json.loads((checkpoint / "state.json").read_text())
    now = numbers["facts"]["versions"]
    numbers["facts"]["versions"] = {**now, "torch": "2.99.0", "transformers": "6.0.0"}
    (checkpoint / "state.json").write_text(json.dumps(numbers))
    durable.seal(checkpoint)
    job(reviews, **STOPPED)
    (warning,) = [event for event in events_of(run) if event["kind"] == "notice" and event["severity"] == "warning"]
    assert warning["message"] == (
        f"torch 2.99.0 then, {now['torch']} now, transformers 6.0.0 then, {now['transformers']} now: "
        "the result may differ in its last digits from that of an uninterrupted run"
    )


def test_the_same_versions_are_not_spoken_of(reviews: str, job: Job, tiny_bert: Path) -> None:
    """C9"""
    stopped(reviews, tiny_bert)
    assert not [notice for notice in job(reviews, **STOPPED).notices if "may differ" in notice]


# ---------------------------------------------------------------- C10

LONG = "x" * 300


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--output", "reviews.csv/x"), 7, "reviews.csv/x: cannot write: Not a directory. Give another --output."),
        (("--output", LONG), 7, f"{LONG}: cannot write: File name too long. Give another --output."),
        (("--output", "/proc/x"), 7, "/proc/x: cannot write: No such file or directory. Give another --output."),
        (("--output", "loop"), 7, "loop: cannot write: File exists. Give another --output."),
        (("--output", "/dev/null"), 2, "--output: /dev/null is a file. Expected a folder."),
        (
            ("--output", "a\n\x1b[31mb"), 2,
            "--output: a control character, or a byte that is no UTF-8, in 'a\\n\\x1b[31mb'. "
            "Expected the name of a folder.",
        ),
        (
            ("--output", "a\udcff"), 2,
            "--output: a control character, or a byte that is no UTF-8, in 'a\\udcff'. "
            "Expected the name of a folder.",
        ),
        (("--output", ""), 2, "--output: an empty value."),
        (("--output", "--fresh"), 2, "--output stands without a value. Write --output and its value."),
        (
            ("--mirror", "reviews.csv/x"), 7,
            "--mirror reviews.csv/x: cannot write: Not a directory. Give another --mirror.",
        ),
        (("--model", LONG), 2, f"File name too long: {LONG}."),
        (("--recipe", f"{LONG}.toml"), 2, f"File name too long: {LONG}.toml."),
    ],
    ids=lambda value: "_".join(value)[2:24] if isinstance(value, tuple) else "",
)  # fmt: skip
def test_a_place_that_cannot_be_written_is_named(
    train: Callable[..., Ended], here: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    """C10"""
    (here / "loop").symlink_to("loop")
    ended = train(*arguments)
    told(ended, code, message)
    if "--mirror" not in arguments:
        assert names(here) == ["loop", "reviews.csv"]


def test_a_mirror_that_cannot_be_is_told_before_the_training_and_the_run_is_begun_again(
    train: Callable[..., Ended], here: Path
) -> None:
    """C10: the first checkpoint may be due only after an hour."""
    ended = train("--mirror", "reviews.csv/x")
    assert "step 1/3" not in ended.err
    (run,) = (here / "runs").iterdir()
    assert names(run) == [".lock", "error.json", "run.json"]
    assert json.loads((run / "error.json").read_text())["exit_code"] == 7
    assert train("--mirror", "drive").code == 0
    assert not (run / "error.json").exists()
    assert names(here / "drive") == []


def test_a_name_that_looks_like_an_option_or_a_home_is_a_folder(
    train: Callable[..., Ended], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C10: no shell is ever asked, so that nothing but the folder comes of it."""
    monkeypatch.setenv("HOME", str(here / "home"))
    for output, folder in [("-rf", "-rf"), ("~/mine", "home/mine"), ("a;b $(touch canary)", "a;b $(touch canary)")]:
        ended = train("--output", output)
        assert (ended.code, ended.errors) == (0, [])
        assert (here / folder / "metrics.json").is_file()
    assert names(here) == ["-rf", "a;b $(touch canary)", "home", "reviews.csv"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_this_user_may_not_write_to_is_named(train: Callable[..., Ended], here: Path) -> None:
    """C10"""
    (here / "locked").mkdir(mode=0o555)
    told(train("--output", "locked/x"), 7, "locked/x: cannot write: Permission denied. Give another --output.")
    assert names(here / "locked") == []


def test_a_data_file_whose_name_is_no_utf8_is_trained_on(whet: Command, here: Path, tiny_bert: Path) -> None:
    """C10"""
    write_csv(here / "r\udcff.csv", review_rows())
    ended = whet("train", "r\udcff.csv", "--model", str(tiny_bert), *BRIEF)
    assert (ended.code, ended.errors) == (0, [])
    (run,) = (here / "runs").iterdir()
    assert "r\udcff.csv" in json.loads((run / "run.json").read_text())["command"]
