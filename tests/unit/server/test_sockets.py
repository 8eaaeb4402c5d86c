"""Real connections to a real server: slow, silent, broken, too many."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.unit.server.made import DIES, Known, Running, post, read, running, score
from whet.server.front import SAFE
from whet.server.limits import Limits

HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
QUICK = Limits(header_time=0.3, body_time=0.5, reply_time=0.5, idle_time=1)


def parts(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers in lower case and body of one answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    line, *headers = head.decode("latin-1").split("\r\n")
    return int(line.split(" ")[1]), {n.lower(): v for n, _, v in (h.partition(": ") for h in headers)}, body


def refused(answer: bytes) -> tuple[int, str]:
    """Status and code, of an answer that has all headers."""
    status, headers, body = parts(answer)
    assert {name: headers[name.lower()] for name in SAFE} == dict(SAFE)
    return status, json.loads(body)["error"]["code"]


def answered(server: Running, text: str = "a text") -> float:
    """The probability that a well-behaved client is told."""
    status, _, body = parts(server.say(post(json.dumps({"text": text}).encode())))
    assert status == 200, body
    return float(json.loads(body)["probabilities"]["pos"])


def until(made: socket.socket, word: bytes) -> bytes:
    """What comes until this word has come."""
    found = b""
    while word not in found:
        part = made.recv(65_536)
        assert part, found
        found += part
    return found


def closed_after(made: socket.socket) -> float:
    began = time.perf_counter()
    read(made)
    return time.perf_counter() - began


def test_a_request_is_answered_and_the_connection_is_kept_or_closed_as_asked() -> None:
    with running() as server:
        assert answered(server) == pytest.approx(score("a text"))
        with server.connect() as made:
            for text in ("one", "two"):
                body = json.dumps({"text": text}).encode()
                made.sendall(post(body).replace(b"Connection: close\r\n", b""))
                assert json.loads(parts(until(made, b"truncated"))[2])["text"] == text


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", 400), (b"\x00\xff\x16\x03\x01" * 20 + b"\r\n\r\n", 400), (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", 431),
        (HEAD + b"Content-Length: x\r\n\r\n", 400), (HEAD + b"Content-Length: -5\r\n\r\n", 400),
        (HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n{}", 400),
        (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X-%d: 1\r\n" % i for i in range(150)) + b"\r\n", 431),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused_with_all_headers_and_closed(raw: bytes, status: int) -> None:
    """S9"""
    with running() as server:
        assert refused(server.say(raw))[0] in (status, 400)
        assert answered(server) == pytest.approx(score("a text"))


def test_two_lengths_of_a_body_lead_to_one_request_and_not_to_two() -> None:
    """S9: the second request, which a proxy would not have seen, is not answered."""
    smuggled = post(b'{"text": "smuggled"}')
    raw = HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled
    model = Known()
    with running(model) as server:
        assert parts(server.say(raw))[0] == 400
    assert model.batches == []


def test_requests_that_come_all_at_once_are_answered_one_after_the_other() -> None:
    """S9: pipelining."""
    bodies = [json.dumps({"text": f"text {i}"}).encode() for i in range(20)]
    raw = b"".join(post(body).replace(b"Connection: close\r\n", b"") for body in bodies[:-1]) + post(bodies[-1])
    with running() as server:
        found = server.say(raw).split(b"HTTP/1.1 ")[1:]
    assert [json.loads(each.partition(b"\r\n\r\n")[2])["text"] for each in found] == [f"text {i}" for i in range(20)]


@pytest.mark.parametrize(
    ("raw", "least", "most"),
    [
        (b"", 0.2, 3), (b"POST /predict HT", 0.2, 3), (HEAD, 0.2, 3),
        (HEAD + b"Content-Length: 100\r\n\r\n", 0.3, 3), (HEAD + b"Content-Length: 100\r\n\r\n{", 0.3, 3),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{", 0.3, 3),
    ],
)  # fmt: skip
def test_a_connection_that_is_silent_is_closed(raw: bytes, least: float, most: float) -> None:
    """S10"""
    with running(limits=QUICK) as server, server.connect() as made:
        made.sendall(raw)
        assert least <= closed_after(made) < most
        assert answered(server) == pytest.approx(score("a text"))


@pytest.mark.parametrize("start", [b"", HEAD + b"Content-Length: 1000\r\n\r\n"])
def test_a_byte_now_and_then_does_not_keep_a_connection(start: bytes) -> None:
    """S10: slow headers, and a slow body."""
    with running(limits=QUICK) as server, server.connect() as made:
        made.sendall(start)
        began = time.perf_counter()
        with pytest.raises(ConnectionError):
            while time.perf_counter() - began < 10:
                made.sendall(b"X")
                time.sleep(0.02)
        assert time.perf_counter() - began < 5


def test_a_connection_that_was_used_is_closed_when_it_has_been_idle() -> None:
    with running(limits=QUICK) as server, server.connect() as made:
        made.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        until(made, b"alive")
        assert 0.5 < closed_after(made) < 5


def test_slow_headers_of_a_later_request_are_not_waited_for_either() -> None:
    with running(limits=Limits(header_time=0.3, idle_time=20)) as server, server.connect() as made:
        made.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        until(made, b"alive")
        made.sendall(b"GET /hea")
        assert 0.2 <= closed_after(made) < 5


def test_a_client_that_does_not_read_its_answer_is_left() -> None:
    """S10"""
    text = "long " * 30_000
    body = json.dumps({"texts": [text] * 6}).encode()
    with running(limits=QUICK) as server, socket.socket() as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        made.connect(("127.0.0.1", server.port))
        made.sendall(post(body).replace(b"Connection: close\r\n", b"") * 8)
        time.sleep(1.5)
        found = 0
        made.settimeout(10)
        try:
            while part := made.recv(65_536):
                found += len(part)
        except ConnectionError:
            pass
        assert found < 8 * len(body)
        assert answered(server) == pytest.approx(score("a text"))


def test_connections_beyond_the_cap_end_the_one_that_is_idle_for_longest() -> None:
    """S11"""
    with running(limits=Limits(connections=5)) as server:
        silent = [server.connect() for _ in range(5)]
        while len(server.server.server_state.connections) < 5:
            time.sleep(0.01)
        assert answered(server) == pytest.approx(score("a text"))  # the sixth
        silent[0].settimeout(5)
        with pytest.raises(ConnectionError):
            if not silent[0].recv(1):
                raise ConnectionError
        assert silent[4].fileno() > 0
        for each in silent:
            each.close()


def test_where_all_connections_wait_for_answers_another_one_is_refused() -> None:
    """S11"""
    model = Known()
    model.gate.clear()
    with running(model, Limits(connections=2)) as server:
        waiting = [server.connect() for _ in range(2)]
        for made in waiting:
            made.sendall(post(b'{"text": "a"}'))
        assert model.entered.wait(10)
        while server.connections.idle:
            time.sleep(0.01)
        assert refused(server.say(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")) == (503, "too_many_connections")
        model.gate.set()
        assert [parts(read(made))[0] for made in waiting] == [200, 200]
        for made in waiting:
            made.close()


@pytest.mark.parametrize("length", [b"Content-Length: 50000000\r\n", b"Content-Length: " + b"9" * 400 + b"\r\n"])
def test_a_length_that_is_too_large_is_refused_before_anything_of_it_comes(length: bytes) -> None:
    """S6"""
    with running() as server:
        assert refused(server.say(HEAD + length + b"\r\n"))[0] in (413, 400)


def test_a_body_that_does_not_tell_its_length_is_refused_when_it_is_too_long() -> None:
    """S6: and the client that is still sending is told why."""
    with running() as server, server.connect() as made:
        made.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
        try:
            for _ in range(200):
                made.sendall(chunk)
        except ConnectionError:
            pass
        else:
            pytest.fail("13 MB were taken")
    with running(limits=Limits(body=1_000)) as server:
        small = b"5dc\r\n" + b" " * 1_500 + b"\r\n0\r\n\r\n"
        assert refused(server.say(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + small)) == (413, "body_too_large")


def test_a_client_that_leaves_takes_its_text_with_it() -> None:
    """S13"""
    model = Known()
    model.gate.clear()
    with running(model) as server:
        with server.connect() as first, server.connect() as gone:
            first.sendall(post(b'{"text": "first"}'))
            assert model.entered.wait(10)
            gone.sendall(post(b'{"text": "gone"}'))
            while not server.state.batcher.waiting_tokens:
                time.sleep(0.01)
            gone.close()
            while len(server.server.server_state.tasks) > 1:
                time.sleep(0.01)
            model.gate.set()
            assert parts(read(first))[0] == 200
        assert answered(server, "next") == pytest.approx(score("next"))
    assert model.batches == [["first"], ["next"]]


def test_of_many_clients_at_once_each_gets_its_own_answers() -> None:
    """S21: 40 connections, 25 texts each, all of them unlike."""
    wrong: list[str] = []

    def ask(server: Running, number: int) -> None:
        with server.connect() as made:
            file = made.makefile("rb")
            for i in range(25):
                text = f"client {number} text {i} " + "and more " * (i % 7)
                made.sendall(post(json.dumps({"text": text}).encode()).replace(b"Connection: close\r\n", b""))
                length = 0
                while line := file.readline().strip().lower():
                    if line.startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                found = json.loads(file.read(length))
                if found["text"] != text or abs(found["probabilities"]["pos"] - score(text)) > 1e-9:
                    wrong.append(text)

    model = Known()
    with running(model) as server:
        threads = [threading.Thread(target=ask, args=(server, number)) for number in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert wrong == []
    assert sum(map(len, model.batches)) == 1_000
    assert len(model.batches) < 1_000  # some came together


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_server_whose_thread_has_ended_ends_too() -> None:
    """S16: the request that ended it is told, and the process ends for whoever watches over it."""
    with running() as server:
        assert refused(server.say(post(json.dumps({"text": DIES}).encode()))) == (503, "not_ready")
        ends = time.monotonic() + 20
        while not server.server.should_exit:
            assert time.monotonic() < ends
            time.sleep(0.01)
        assert server.state.stopping


@pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc")
def test_where_no_file_can_be_opened_any_more_the_server_recovers() -> None:
    """S25"""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with running() as server:
        silent = [server.connect() for _ in range(8)]
        opened = len(list(Path("/proc/self/fd").iterdir()))
        resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 1, hard))
        try:
            with server.connect():  # the kernel takes it, and the server cannot
                time.sleep(0.2)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for each in silent:
            each.close()
        assert answered(server) == pytest.approx(score("a text"))


def test_a_full_queue_refuses_on_a_connection_that_is_kept_and_answers_there_when_there_is_room() -> None:
    body = json.dumps({"text": "one more"}).encode()
    ask = HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    with running(limits=Limits(queue_tokens=4, header_time=0.3)) as server:
        server.model.gate.clear()
        with server.connect() as occupied, server.connect() as waits, server.connect() as third:
            occupied.sendall(ask)
            assert server.model.entered.wait(20)
            waits.sendall(ask)
            while server.state.batcher.waiting_tokens < 3:
                time.sleep(0.01)
            server.state.batcher._tokens += 1  # as of a text of one token: not even that has room
            ids = set()
            for _ in range(3):
                third.sendall(ask)
                answer = until(third, b"}}")
                assert refused(answer) == (429, "overloaded")
                _, headers, said = parts(answer)
                assert (headers["retry-after"], "connection" in headers) == ("1", False)
                assert headers["x-request-id"] == json.loads(said)["error"]["request_id"]
                ids.add(headers["x-request-id"])
            assert len(ids) == 3
            time.sleep(0.4)  # the time for the headers of a new connection
            server.state.batcher._tokens -= 1
            server.model.gate.set()
            until(occupied, b" 200 OK")
            third.sendall(ask)
            until(third, b" 200 OK")
        assert b'whet_requests_total{route="/predict",status="429"} 3.0' in server.state.metrics.text()


def test_under_a_full_queue_what_is_not_plain_is_read_and_refused_for_what_it_is() -> None:
    ask = HEAD.replace(b"localhost", b"elsewhere")
    with running(limits=Limits(queue_tokens=4)) as server:
        server.state.batcher._tokens = 9
        assert refused(server.say(ask + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n"))[0] == 421
        whole = ask + b"Content-Length: 2\r\n\r\n{}"
        both = server.say(whole + whole.replace(b"Content-T", b"Connection: close\r\nContent-T"))
        assert both.count(b"HTTP/1.1 421") == both.count(b"wrong_host") == 2
        server.state.batcher._tokens = 0
