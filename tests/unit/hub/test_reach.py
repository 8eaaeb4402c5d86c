"""Whether the hub is there, without ever asking the real one."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator

import pytest

from whet.hub import reach


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    reach._probe.cache_clear()
    yield
    reach._probe.cache_clear()


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """A local address that answers 404 to everything, and the methods it was asked with."""
    asked: list[str] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            asked.append(self.command)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Silent."""

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()
        thread.join()


def at(monkeypatch: pytest.MonkeyPatch, address: str, *, offline: bool = False) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)


def test_any_answer_means_that_the_hub_is_there_and_it_is_asked_once(
    monkeypatch: pytest.MonkeyPatch, server: tuple[str, list[str]]
) -> None:
    address, asked = server
    at(monkeypatch, address)
    assert reach.unreachable_because() == ""
    assert reach.unreachable_because() == ""
    assert asked == ["HEAD"]


def test_a_closed_port_is_refused_at_once() -> None:
    started = time.perf_counter()
    assert "refused" in reach.unreachable_because()
    assert time.perf_counter() - started < 2


def test_the_host_of_the_address_is_what_messages_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reach.host() == "127.0.0.1:9"
    at(monkeypatch, "https://hub.example/mirror")
    assert (reach.endpoint(), reach.host()) == ("https://hub.example/mirror", "hub.example")
    at(monkeypatch, "hub.example")
    assert reach.host() == "hub.example"


def test_offline_mode_is_respected_without_asking(
    monkeypatch: pytest.MonkeyPatch, server: tuple[str, list[str]]
) -> None:
    address, asked = server
    at(monkeypatch, address, offline=True)
    assert reach.unreachable_because() == "HF_HUB_OFFLINE is set"
    assert asked == []


def test_an_address_that_is_none_gives_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, "not an address")
    assert reach.unreachable_because() == "unknown url type: 'not an address'"


def test_a_look_up_that_never_ends_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    free = threading.Event()
    monkeypatch.setattr(reach, "_ask", lambda address: free.wait(30) and "")
    monkeypatch.setattr(reach, "PROBE_SECONDS", 0.05)
    at(monkeypatch, "http://hub.example")
    started = time.perf_counter()
    assert reach.unreachable_because() == "no answer within 0.05 seconds"
    assert time.perf_counter() - started < 2
    free.set()
