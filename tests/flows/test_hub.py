"""A finished run on the hub and back, with a stand-in of the hub on this machine."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

import whet
from tests.flows.conftest import Command, Job, Told
from tests.standin import TOKEN, USER, Hub, running
from whet.errors import ModelError, OutputError, UsageError, WhetError
from whet.hub import reach as reachable

TEXTS = ["The acting of this one was superb, I thought so all evening.", "What a dreadful film.", ""]
NAME = f"{USER}/reviews"

# huggingface_hub hands httpx an open file under the name that httpx has given up.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """The stand-in, which this process takes for the hub, with an empty cache and a token."""
    with running() as made:
        monkeypatch.setattr(constants, "ENDPOINT", made.endpoint)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", made.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        reachable._probe.cache_clear()
        yield made
        reachable._probe.cache_clear()


@pytest.fixture(scope="module")
def run(taught: Told) -> whet.Run:
    return taught.run


def refused(run: whet.Run, name: str = NAME, kind: type[WhetError] = OutputError, **options: object) -> str:
    with pytest.raises(kind) as caught:
        run.push_to_hub(name, **options)  # type: ignore[arg-type]
    assert TOKEN not in caught.value.message
    return caught.value.message


# ---------------------------------------------------------------- there and back


def test_a_pushed_model_answers_elsewhere_as_it_did_here(
    run: whet.Run, hub: Hub, whet_process: Command, tmp_path: Path
) -> None:
    pushed = run.push_to_hub(NAME)
    assert pushed.repository == NAME
    assert pushed.commit == hub.models[NAME].head
    assert pushed.url == f"{hub.endpoint}/{NAME}/commit/{pushed.commit}"
    world = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "elsewhere"), "HF_TOKEN": TOKEN}
    answered = whet_process("predict", f"hf:{NAME}", *TEXTS[:2], "--json", "--quiet", **world)
    assert answered.code == 0, answered.err
    ours = run.predict(TEXTS[:2])
    assert [each["label"] for each in answered.json] == [each.label for each in ours]
    assert [each["probabilities"] for each in answered.json] == [
        pytest.approx(each.probabilities, abs=1e-6) for each in ours
    ]


def test_what_is_cached_answers_offline_and_nobody_is_asked(
    run: whet.Run, hub: Hub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run.push_to_hub(NAME)
    whet.load(f"hf:{NAME}")
    hub.asked.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert whet.predict(f"hf:{NAME}", TEXTS) == run.predict(TEXTS)
    with pytest.raises(ModelError) as caught:
        whet.load("hf:org/other")
    assert "org/other is not in the local cache" in caught.value.message
    assert "(HF_HUB_OFFLINE is set)" in caught.value.message
    assert (hub.asked, caplog.messages) == ([], [])


def test_load_takes_the_newest_commit_and_a_revision_the_one_that_it_names(
    run: whet.Run, hub: Hub, taught: Told, tmp_path: Path
) -> None:
    first = run.push_to_hub(NAME)
    other = tmp_path / "other"
    shutil.copytree(run.path, other)
    card = other / "model" / "README.md"
    card.write_text(card.read_text() + "\nSecond.\n")
    assert whet.load(f"hf:{NAME}").predict(TEXTS) == run.predict(TEXTS)
    second = whet.load(other).push_to_hub(NAME)
    assert [message for _, message, _ in hub.models[NAME].commits] == ["initial commit", *["Push a model of whet"] * 2]
    assert second.commit != first.commit
    newest, fixed = whet.load(f"hf:{NAME}"), whet.load(f"hf:{NAME}@{first.commit}")
    assert "Second." in (newest.path / "README.md").read_text()
    assert "Second." not in (fixed.path / "README.md").read_text()
    before = len(hub.asked)
    assert whet.predict(f"hf:{NAME}@{first.commit}", TEXTS) == run.predict(TEXTS)
    assert len(hub.asked) == before  # a commit that is cached is not asked for


def test_a_linear_model_goes_there_and_back(job: Job, reviews_csv: Path, hub: Hub) -> None:
    told = job(str(reviews_csv), model="linear", threads=1)
    told.run.push_to_hub("linear")
    assert f"whet predict hf:{USER}/linear" in hub.models[f"{USER}/linear"].files["README.md"].decode()
    assert whet.load(f"hf:{USER}/linear").predict(TEXTS) == told.run.predict(TEXTS)


@pytest.mark.parametrize("folds", [None, 2])
def test_the_export_of_a_linear_model_goes_along_unless_it_is_of_another_one(
    job: Job, reviews_csv: Path, hub: Hub, folds: int | None
) -> None:
    told = job(str(reviews_csv), model="linear", threads=1, **({} if folds is None else {"folds": folds}))
    whet.export(told.path)
    told.run.push_to_hub("linear", exports=True)
    sent = hub.models[f"{USER}/linear"].files
    copies = {name for name in sent if name.startswith("export/")}
    assert copies == {f"export/{name}" for name in sent if name not in copies} - {"export/.gitattributes"}
    assert whet.load(f"hf:{USER}/linear").predict(TEXTS) == told.run.predict(TEXTS)
    shutil.rmtree(told.path / "model")
    shutil.copytree(job(str(reviews_csv), model="linear", threads=1, seed=7).path / "model", told.path / "model")
    assert refused(whet.load(told.path), kind=ModelError, exports=True) == (
        f"{told.path}: its export was made of another model. Run: whet export {told.path}."
    )


@pytest.mark.slow  # an export
def test_an_export_goes_along_where_it_is_asked_for(taught: Told, hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(taught.path, folder)
    assert refused(whet.load(folder), kind=ModelError, exports=True) == (
        f"{folder}: it has no export. Run: whet export {folder}."
    )
    whet.export(folder, str(taught.path.parents[1] / "reviews.csv"))
    exported = whet.load(folder)
    exported.push_to_hub(NAME, exports=True)
    sent = hub.models[NAME].files
    assert {"export/model.onnx", "export/model_int8.onnx", "export/whet.json", "export/MANIFEST.json"} <= set(sent)
    assert "export/export.json" not in sent  # which tells of this machine
    assert str(tmp_path).encode() not in b"".join(sent.values())
    for engine in ("auto", "onnx", "int8", "torch"):
        found = whet.load(f"hf:{NAME}", engine=engine)
        assert found.chosen.engine == whet.load(folder, engine=engine).chosen.engine
        assert found.predict(TEXTS) == whet.load(folder, engine=engine).predict(TEXTS)
    assert refused(taught.run) == (
        f"hf:{NAME}: nothing was sent: the repository has files of another model, which would be read with this one: "
        "export/. Delete them on the hub, or give another name, or push an export too (exports=True; whet export RUN "
        "first)."
    )


def test_a_pushed_model_is_where_a_training_starts(run: whet.Run, hub: Hub, job: Job, reviews_csv: Path) -> None:
    pushed = run.push_to_hub(NAME)
    name = f"hf:{NAME}@{pushed.commit}"
    told = job(str(reviews_csv), model=name, epochs=1.0, learning_rate=1e-9, baseline=False, threads=1, max_length=128)
    assert told.run.settings["model"] == name
    assert re.fullmatch(r"reviews-reviews-\w+", told.path.name)
    assert f"base_model: {NAME}\n" in (told.path / "model" / "README.md").read_text()
    assert told.run.metrics["test"]["accuracy"] == run.metrics["test"]["accuracy"]  # the head was kept


# ---------------------------------------------------------------- what is sent, and to whom


def test_a_pushed_model_teaches_a_smaller_one(run: whet.Run, hub: Hub, reviews_csv: Path) -> None:
    run.push_to_hub(NAME)
    student = whet.train(reviews_csv, teacher=f"hf:{NAME}", layers=1, epochs=1.0, baseline=False, threads=1)
    assert (student.settings["model"], student.settings["max_length"]) == (f"hf:{NAME}", 128)
    found = student.metrics["teacher"]
    assert (found["name"], found["layers"]) == (NAME, {"teacher": 2, "student": 1})
    with pytest.raises(ModelError, match=r"^--teacher: the hub has no model 'org/none'"):
        whet.train(reviews_csv, teacher="hf:org/none")


def test_only_the_files_that_were_saved_are_sent(run: whet.Run, hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(run.path, folder)
    (folder / "model" / "notes.txt").write_text("mine")
    (folder / "model" / "modeling.py").write_text("print()")
    whet.load(folder).push_to_hub(NAME)
    sent = hub.models[NAME].files
    assert set(sent) == {
        ".gitattributes", "MANIFEST.json", "README.md", "config.json", "model.safetensors", "tokenizer.json",
        "tokenizer_config.json", "whet.json",
    }  # fmt: skip
    everything = b"".join(sent.values())
    assert str(run.path).encode() not in everything
    assert b"/tmp" not in everything and b"/home" not in everything
    assert b"I thought so all evening" not in everything  # which every training text says


def test_the_card_names_the_repository_its_scores_and_its_licence(run: whet.Run, hub: Hub) -> None:
    run.push_to_hub(NAME, license="apache-2.0")
    card = hub.models[NAME].files["README.md"].decode()
    assert card.startswith("---\nlicense: apache-2.0\n")
    assert "\nmodel-index:\n" in card
    assert f'model="{NAME}"' in card
    assert "PATH_OF_THIS_FOLDER" not in card
    assert (run.path / "model" / "README.md").read_text().count("license") == 0
    run.push_to_hub(NAME)
    assert hub.models[NAME].files["README.md"].decode() == card  # it is known from there
    run.push_to_hub(NAME, license="mit")
    assert hub.models[NAME].files["README.md"].decode() == card.replace("apache-2.0", "mit")


def test_a_repository_is_private_unless_told_otherwise(run: whet.Run, hub: Hub) -> None:
    run.push_to_hub("mine")
    run.push_to_hub("ours", private=False)
    assert [(made["name"], made["organization"], made["visibility"]) for made in hub.created] == [
        ("mine", USER, "private"),
        ("ours", USER, "public"),
    ]
    assert [hub.models[f"{USER}/{name}"].private for name in ("mine", "ours")] == [True, False]


def test_nothing_is_published_in_a_public_repository_without_being_told(run: whet.Run, hub: Hub) -> None:
    public = hub.add(NAME)
    assert refused(run) == (
        f"hf:{NAME}: nothing was sent: the repository is public. Expected a private one. "
        "Give private=False (--public) to publish the model, or another name."
    )
    assert {each.method for each in hub.asked} == {"GET"}
    run.push_to_hub(NAME, private=False)
    assert len(public.commits) == 2
    assert "model.safetensors" in public.files


def test_the_token_is_sent_to_the_hub_alone(run: whet.Run, hub: Hub, capfd: pytest.CaptureFixture[str]) -> None:
    run.push_to_hub(NAME)
    whet.load(f"hf:{NAME}")
    stored = [each for each in hub.asked if each.server == "store"]
    assert {each.method for each in stored} == {"PUT", "GET"}
    assert {each.token for each in stored} == {None}
    assert {each.token for each in hub.asked if "/api/" in each.path} == {f"Bearer {TOKEN}"}
    captured = capfd.readouterr()
    assert TOKEN not in captured.out + captured.err


def test_without_a_hub_or_a_token_nothing_is_sent(run: whet.Run, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(constants, "HF_HUB_OFFLINE", True)
        assert refused(run) == (
            f"hf:{NAME}: nothing was sent: HF_HUB_OFFLINE is set. Unset HF_HUB_OFFLINE and push again."
        )
    monkeypatch.delenv("HF_TOKEN")
    assert refused(run) == (
        f"hf:{NAME}: nothing was sent: there is no access token for the hub. "
        "Set HF_TOKEN, or log in with: hf auth login."
    )
    assert hub.asked == []


# ---------------------------------------------------------------- what goes wrong


def test_a_push_that_breaks_off_leaves_no_half_model_and_a_second_one_goes_on(run: whet.Run, hub: Hub) -> None:
    before = hub.add(NAME, private=True).head
    hub.refused["POST", "/commit/"] = 0
    message = refused(run)
    assert message.startswith(f"hf:{NAME}: the push to the hub {reachable.host()} broke off: ")
    assert message.endswith(". Push again: it goes on, and its commit is whole or not there.")
    assert hub.models[NAME].head == before
    assert hub.count("PUT") == 1
    hub.refused.clear()
    run.push_to_hub(NAME)
    assert hub.count("PUT") == 1  # the weights were there
    assert hub.models[NAME].files["model.safetensors"] == (run.path / "model" / "model.safetensors").read_bytes()


def test_an_upload_that_is_refused_leaves_the_repository_as_it_was(run: whet.Run, hub: Hub) -> None:
    before = hub.add(NAME, private=True).head
    hub.refused["PUT", "/"] = 400
    assert refused(run) == (f"hf:{NAME}: the hub refuses (HTTP 400: the stand-in was told so). Push again later.")
    assert (hub.models[NAME].head, hub.count("POST", "/commit/")) == (before, 0)


def test_a_model_that_is_there_already_makes_no_commit(run: whet.Run, hub: Hub) -> None:
    first = run.push_to_hub(NAME)
    assert run.push_to_hub(NAME) == first
    assert len(hub.models[NAME].commits) == 2


@pytest.mark.parametrize(
    ("refusal", "saw"),
    [
        (("GET", "/api/models", 401), "the hub does not know the access token (HTTP 401: the stand-in was told so)"),
        (("POST", "/preupload", 403), "the access token may not write there (HTTP 403: the stand-in was told so)"),
        (("POST", "/preupload", 404), "the hub has no such model repository that is open to this token (HTTP 404: "),
        (("POST", "/commit/", 412), "somebody else committed meanwhile (HTTP 412: the stand-in was told so)"),
        (("POST", "/commit/", 500), "the hub refuses (HTTP 500: the stand-in was told so)"),
    ],
)
def test_what_the_hub_refuses_is_one_message(run: whet.Run, hub: Hub, refusal: tuple[str, str, int], saw: str) -> None:
    before = hub.add(NAME, private=True).head
    method, part, status = refusal
    hub.refused[method, part] = status
    if status == 401:
        hub.refused["POST", "/repos/create"] = 401
    assert refused(run).startswith(f"hf:{NAME}: {saw}")
    assert hub.models[NAME].head == before


def test_a_name_that_is_no_model_or_not_ones_own_is_refused(run: whet.Run, hub: Hub) -> None:
    hub.taken.add(NAME)
    assert refused(run) == (
        f"hf:{NAME}: the hub has no such model repository that is open to this token (HTTP 404: Repository not found). "
        "See the name on the hub's page."
    )
    assert refused(run, "them/x") == (
        "hf:them/x: the access token may not write there (HTTP 403: You don't have the rights to create a model under "
        "this namespace). Take a token that may write, or a name of your own."
    )
    assert refused(run, "a/b/c", UsageError) == "name: 'a/b/c' is no name of a repository. Expected OWNER/NAME."
    assert refused(run, license="no\nsuch: x", kind=UsageError).startswith("license: 'no\\nsuch: x'. Expected ")


def test_no_hub_is_one_message(run: whet.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert refused(run) == (
        f"hf:{NAME}: the push to the hub 127.0.0.1:9 broke off: [Errno 111] Connection refused. "
        "Push again: it goes on, and its commit is whole or not there."
    )


def test_files_of_another_model_are_never_mixed_with_this_one(run: whet.Run, hub: Hub) -> None:
    there = {
        "vocab.txt": b"",
        "adapter_config.json": b"{}",
        "LICENSE": b"",
        "export/model.onnx": b"",
        "pictures/a.png": b"",
    }
    before = hub.add(NAME, there, private=True).head
    assert refused(run) == (
        f"hf:{NAME}: nothing was sent: the repository has files of another model, which would be read with this one: "
        "adapter_config.json, vocab.txt, export/. Delete them on the hub, or give another name."
    )
    assert hub.models[NAME].head == before


def test_a_model_that_was_changed_is_not_pushed(run: whet.Run, hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(run.path, folder)
    (folder / "model" / "config.json").write_text("{}")
    message = refused(whet.load(folder), kind=ModelError)
    assert message.startswith(f"{folder / 'model'}: changed or damaged after it was saved: config.json has size 2, ")
    assert hub.asked == []


def test_what_cannot_be_loaded_from_the_hub_is_one_message(hub: Hub, whet: Command) -> None:
    hub.add("org/plain", {"config.json": json.dumps({"model_type": "bert"}).encode()})
    for name, message in {
        "hf:org/plain": "RUN: hf:org/plain has no whet.json. Expected a model that whet saved. "
        "Fine-tune it: whet train DATA --model hf:org/plain.",
        "hf:org/none": "RUN: the hub has no model 'org/none', or it needs a login. "
        "See the name on the hub's page, or set HF_TOKEN.",
        "hf:org/plain@v9": "RUN: the hub has no revision 'v9' of 'org/plain'. "
        "See the branches, tags and commits on the hub's page.",
        "hf:a/b/c": "RUN: 'a/b/c' is no name of a model. Expected hf:OWNER/NAME.",
    }.items():
        ended = whet("predict", name, "a text")
        assert (ended.code, ended.errors) == (4, [message])


def test_without_the_hub_the_cache_answers_and_that_is_said(
    run: whet.Run, hub: Hub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run.push_to_hub(NAME)
    whet.load(f"hf:{NAME}")
    hub.asked.clear()
    monkeypatch.setattr(reachable, "unreachable_because", lambda: "no answer within 4 seconds")
    assert whet.load(f"hf:{NAME}").predict(TEXTS) == run.predict(TEXTS)
    assert caplog.messages == [
        f"the hub at {hub.endpoint} could not be reached (no answer within 4 seconds); hf:{NAME} comes from the local "
        "cache and may be an older one"
    ]
    with pytest.raises(ModelError) as caught:
        whet.load("hf:org/other")
    assert caught.value.message == (
        f"RUN: hf:org/other is not in the local cache and the hub {reachable.host()} cannot be reached "
        "(no answer within 4 seconds). Give a folder that was copied here, or connect once so that it is cached."
    )
    assert hub.asked == []


# ---------------------------------------------------------------- from the command line


@pytest.fixture
def world(hub: Hub, tmp_path: Path) -> dict[str, str]:
    """What a shell has where the stand-in is the hub."""
    return {
        "HF_ENDPOINT": hub.endpoint,
        "HF_HOME": str(tmp_path / "home"),
        "HF_TOKEN": TOKEN,
        "HF_HUB_DISABLE_XET": "1",
    }


def test_export_with_hub_pushes_the_model_privately_and_says_how_to_use_it(
    taught: Told, hub: Hub, world: dict[str, str], whet_process: Command
) -> None:
    told = whet_process("export", str(taught.path), "--hub", NAME, "--license", "mit", "--lang", "ko", **world)
    assert told.code == 0, told.err
    head = hub.models[NAME].head
    assert told.out.splitlines() == [
        f"허브에 올렸습니다: {hub.endpoint}/{NAME}/commit/{head}",
        f'사용법: whet predict hf:{NAME} "문장"',
    ]
    assert hub.models[NAME].private
    sent = hub.models[NAME].files
    assert b"license: mit" in sent["README.md"]
    assert "config.json" in sent and not any(name.startswith("export/") for name in sent)
    again = whet_process("export", str(taught.path), "--hub", NAME, "--public", "--json", **world)
    assert (again.code, again.json["repository"], hub.models[NAME].private) == (0, NAME, True)


def test_export_with_hub_takes_a_public_repository_only_where_that_is_said(
    taught: Told, hub: Hub, world: dict[str, str], whet_process: Command
) -> None:
    assert whet_process("export", str(taught.path), "--hub", NAME, "--public", "--quiet", **world).code == 0
    before = hub.models[NAME].head
    refused = whet_process("export", str(taught.path), "--hub", NAME, **world)
    assert refused.code == 7
    assert "the repository is public" in refused.err
    assert "--public" in refused.err
    assert hub.models[NAME].head == before


def test_without_a_token_or_offline_nothing_is_sent_from_the_command_line(
    taught: Told, hub: Hub, world: dict[str, str], whet_process: Command
) -> None:
    for changed, said in (({"HF_TOKEN": ""}, "no access token"), ({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set")):
        told = whet_process("export", str(taught.path), "--hub", NAME, **{**world, **changed})
        assert told.code == 7
        assert said in told.err
    assert hub.asked == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--hub", NAME, "--no-int8"], "--hub: DATA, --output, --no-int8 or --max-accuracy-loss"),
        (["--hub", NAME, "--output", "there"], "--hub: DATA, --output, --no-int8 or --max-accuracy-loss"),
        (["--public"], "--public or --license without --hub"),
        (["--license", "mit"], "--public or --license without --hub"),
    ],
)
def test_options_of_a_push_and_of_an_export_do_not_mix(
    given: list[str], said: str, taught: Told, whet_process: Command
) -> None:
    told = whet_process("export", str(taught.path), *given)
    assert told.code == 2
    assert said in told.err
