"""Processes that serve: how they begin, how they end, what they say."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tests.unit.server.made import post, read, score
from tests.unit.server.processes import free_port, started
from whet.artifacts import tfidf
from whet.cli import main
from whet.errors import OutputError, UsageError
from whet.labels import LabelSet
from whet.records import Usage
from whet.score.fitted import Linear
from whet.score.terms import Terms
from whet.server import process
from whet.server.process import bind

LABELS = LabelSet(("neg", "pos"), "pos", "by its name")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model/ folder of a linear model."""
    folder = tmp_path_factory.mktemp("run") / "model"
    terms = Terms("word", (1, 2), {"bad": 0, "good": 1}, np.ones(2))
    model = Linear(terms, np.array([[-2.0], [2.0]]), np.zeros(1), "one", 2, None, 1.0)
    tfidf.save(folder, model, LABELS, card="", usage=Usage())
    return folder


def asked_until_the_end(port: int, number: int, found: dict[str, int], halt: threading.Event) -> None:
    """Asks one thing after the other on a connection that is kept. Whatever is not an answer or a refusal is counted as
    lost, unless there was no connection to ask on; refusals by their code, of one that says that the server ends as
    refused."""
    turn = 0
    while not halt.is_set():
        try:
            made = socket.create_connection(("127.0.0.1", port), 20)
        except ConnectionError:
            return
        with made, made.makefile("rb") as file:
            while True:
                turn += 1
                text = f"client {number} turn {turn}"
                try:
                    made.sendall(post(json.dumps({"text": text}).encode()).replace(b"Connection: close\r\n", b""))
                    status = file.readline().split(b" ")[1:2]
                    length = 0
                    while line := file.readline().strip().lower():
                        length = int(line.split(b":")[1]) if line.startswith(b"content-length:") else length
                    document = json.loads(file.read(length))
                except (OSError, ValueError):
                    found["lost"] += 1
                    return
                if status == [b"503"] and document["error"]["code"] == "stopping":
                    found["refused"] += 1
                    return
                if status != [b"200"]:  # on a machine that others use it may be too slow for all at once
                    found[document["error"]["code"]] = found.get(document["error"]["code"], 0) + 1
                else:
                    right = abs(document["probabilities"]["pos"] - score(text)) < 1e-9
                    found["answered" if right else "wrong"] += 1


def restarts(count: int) -> None:
    for _ in range(count):
        port, found, halt = free_port(), dict.fromkeys(("answered", "refused", "wrong", "lost"), 0), threading.Event()
        with started(str(Path(__file__).with_name("serving.py")), str(port), port=port) as process:
            clients = [
                threading.Thread(target=asked_until_the_end, args=(port, number, found, halt)) for number in range(50)
            ]
            for client in clients:
                client.start()
            while found["answered"] < 200:
                time.sleep(0.01)
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
            assert time.monotonic() - began < 30
            halt.set()
            for client in clients:
                client.join(30)
        assert (found["lost"], found["wrong"]) == (0, 0), found
        assert found.keys() <= {"answered", "refused", "wrong", "lost", "overloaded"}, found
        assert found["answered"] >= 200


def test_a_server_that_is_told_to_end_under_load_answers_all_that_it_has_taken() -> None:
    """S17"""
    restarts(2)


@pytest.mark.slow
def test_so_do_twenty() -> None:
    """S17"""
    restarts(20)


def test_a_second_signal_ends_it_at_once() -> None:
    """S17"""
    port = free_port()
    with (
        started(str(Path(__file__).with_name("serving.py")), str(port), port=port) as process,
        socket.create_connection(("127.0.0.1", port)) as made,
    ):
        made.sendall(post(json.dumps({"text": "word " * 20_000}).encode()))  # 10 seconds of work
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == -signal.SIGTERM


def test_the_command_serves_what_predict_answers_and_ends_with_0(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The server answers as the command line does, and says nothing of the texts."""
    texts = ["a good text", "a bad text", "neither", "good \u00e9 <b>"]
    port = free_port()
    with started("-m", "whet", "serve", str(run), "--port", str(port), port=port) as process:
        with socket.create_connection(("127.0.0.1", port)) as made:
            made.sendall(post(json.dumps({"texts": texts}).encode()))
            found = json.loads(read(made).partition(b"\r\n\r\n")[2])["predictions"]
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 0
    assert main(["predict", str(run), *texts, "--json"]) == 0
    assert found == json.loads(capsys.readouterr().out)
    first, *lines = said.splitlines()
    assert f"http://127.0.0.1:{port}" in first
    assert [json.loads(line)["message"] for line in lines][-2:] == ["stopping", "stopped"]
    assert "good" not in said


def test_several_processes_serve_one_port_and_one_that_dies_is_followed_by_another(run: Path) -> None:
    """S16"""
    port = free_port()
    with started("-m", "whet", "serve", str(run), "--port", str(port), "--workers", "2", port=port) as process:

        def members() -> set[int]:
            found = subprocess.run(
                ["ps", "-o", "pid=,args=", "--ppid", str(process.pid)], capture_output=True, text=True
            )
            return {int(line.split()[0]) for line in found.stdout.splitlines() if "spawn_main" in line}

        def asked() -> bytes:
            with socket.create_connection(("127.0.0.1", port)) as made:
                made.sendall(post(b'{"text": "a good text"}'))
                return read(made)

        first = members()
        assert len(first) == 2
        os.kill(min(first), signal.SIGKILL)
        ends = time.monotonic() + 60
        while len(members()) < 2 or min(first) in members():
            assert time.monotonic() < ends
            time.sleep(0.05)
        assert b"probabilities" in asked()
        with socket.create_connection(("127.0.0.1", port)) as made:
            made.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert b'whet_requests_total{route="/predict",status="200"} 1.0' in read(made)  # whoever answered it
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert not any(Path(f"/proc/{each}").exists() for each in first)


def test_what_happens_to_the_files_of_a_model_later_does_not_matter(run: Path, tmp_path: Path) -> None:
    """S20: they were read, not mapped."""
    folder = tmp_path / "model"
    shutil.copytree(run, folder)
    port = free_port()
    with started("-m", "whet", "serve", str(folder), "--port", str(port), port=port):
        for path in folder.iterdir():
            os.truncate(path, 0)
        with socket.create_connection(("127.0.0.1", port)) as made:
            made.sendall(post(b'{"text": "a good text"}'))
            assert json.loads(read(made).partition(b"\r\n\r\n")[2])["label"] == "pos"


# ---------------------------------------------------------------- what cannot be served


def test_a_port_that_is_taken_is_named_before_the_model_is_read(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """S18"""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["serve", str(run), "--port", str(port)]) == 7
    assert f"Address already in use: 127.0.0.1 port {port}" in capsys.readouterr().err
    with pytest.raises(OutputError, match="Name another port"), socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        bind("127.0.0.1", other.getsockname()[1])


def test_a_port_that_another_server_takes_while_the_model_is_read_is_named(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """S18"""
    with bind("127.0.0.1", 0) as earlier:
        port = earlier.getsockname()[1]

        def late(host: str, asked: int) -> socket.socket:
            made = bind(host, asked)  # which both may, as long as none of them listens
            earlier.listen()
            return made

        monkeypatch.setattr(process, "bind", late)
        assert main(["serve", str(run), "--port", str(port)]) == 7
    said = capsys.readouterr().err
    assert (
        f"error: --port: Address already in use: 127.0.0.1 port {port}. Name another port; 0 takes a free one" in said
    )
    assert "Traceback" not in said


def test_a_damaged_model_is_not_served(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """S18"""
    folder = tmp_path / "model"
    shutil.copytree(run, folder)
    (folder / "vocabulary.json").write_text('["bad", "goof"]', encoding="utf-8")
    assert main(["serve", str(folder), "--port", "0"]) == 4
    assert "changed or damaged after it was saved" in capsys.readouterr().err
    assert main(["serve", str(tmp_path / "none")]) == 4


def test_an_address_that_others_reach_needs_a_token(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """X7"""
    assert main(["serve", str(run), "--host", "0.0.0.0"]) == 2
    assert "others could reach 0.0.0.0" in capsys.readouterr().err


@pytest.mark.parametrize("token", ["", "short", "with white space in it", "한국어로 된 토큰은 안 됩니다아아아"])
def test_a_token_that_is_easily_guessed_or_cannot_be_sent_is_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], token: str
) -> None:
    """X7"""
    path = tmp_path / "token"
    path.write_text(token, encoding="utf-8")
    assert main(["serve", str(run), "--token-file", str(path)]) == 2
    said = capsys.readouterr().err
    assert "at least 16 letters and digits" in said
    assert not token or token not in said
    assert main(["serve", str(run), "--token-file", str(tmp_path / "none")]) == 2


@pytest.mark.parametrize("host", ["no.such.name.invalid", "a" * 70, "a..b"])
def test_an_address_that_is_none_is_named(host: str) -> None:
    with pytest.raises(UsageError, match="an address of this machine"):
        bind(host, 0)
