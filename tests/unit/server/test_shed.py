"""What is dropped unread is exactly one request, in the eyes of the parser that would have read it."""

from __future__ import annotations

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from whet.server.shed import is_whole_request

LINES = (
    "Host: localhost", "Content-Type: application/json", "Content-Length: 3", "content-length:3", "Content-Length: 03",
    "Content-Length: 4", "Content-Length:", "Content-Length: 3, 3", "Content-Length: +3", "Content-Length: 3\r\n 0",
    "X: Content-Length: 3", "Content-Length : 3", "Transfer-Encoding: chunked", "Connection: keep-alive",
    "Connection: close", "Connection: keep-alive, close", "Keep-Alive: 3", "Expect: 100-continue", "Upgrade: h2c",
    "X: a\nContent-Length: 3", "X: a\n\nabc", "X: \r", "X: ", " folded", ": no name", "X-Content-Length: 3",
)  # fmt: skip
BODIES = ("abc", "", "ab", "abcd", "abc\r\n\r\n", "abcGET / HTTP/1.1\r\nHost: a\r\n\r\n")
STARTS = ("POST /predict HTTP/1.1", "POST /predict HTTP/1.0", "POST /predict?a HTTP/1.1", "GET /predict HTTP/1.1")


def events_of(data: bytes) -> list[str]:
    """What h11 reads, and `left` where bytes are left of it."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    found = []
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA or event is h11.PAUSED:
            break
        found.append(type(event).__name__)
        if isinstance(event, h11.Request):
            assert (event.method, event.target) == (b"POST", b"/predict")
    is_kept = connection.their_state is h11.DONE
    return [*found, *(["left"] if connection.trailing_data[0] else []), *([] if is_kept else ["ends"])]


@example(STARTS[0], [LINES[0], LINES[2]], BODIES[0])
@given(st.sampled_from(STARTS), st.lists(st.sampled_from(LINES), max_size=5), st.sampled_from(BODIES))
def test_a_request_is_dropped_only_where_the_parser_finds_that_one_alone(
    start: str, lines: list[str], body: str
) -> None:
    data = "\r\n".join([start, *lines, "", ""]).encode() + body.encode()
    if is_whole_request(data):
        try:
            events = events_of(data)
        except h11.RemoteProtocolError:
            return  # refused by both
        assert [each for each in events if each != "Data"] == ["Request", "EndOfMessage"]


@given(st.binary(max_size=200))
def test_bytes_in_the_head_never_make_a_request_of_two(noise: bytes) -> None:
    data = b"POST /predict HTTP/1.1\r\nHost: a\r\n" + noise + b"\r\nContent-Length: 3\r\n\r\nabc"
    if is_whole_request(data):
        try:
            assert events_of(data) == ["Request", "Data", "EndOfMessage"]
        except h11.RemoteProtocolError:
            return


@pytest.mark.parametrize("line", ["", "\r\nConnection: keep-alive", "\r\nX-Request: 1"])
def test_what_clients_send_is_known(line: str) -> None:
    head = f"POST /predict HTTP/1.1\r\nHost: a{line}\r\ncontent-length: 3\r\nContent-Type: application/json"
    assert is_whole_request(head.encode() + b"\r\n\r\nabc")
    assert not is_whole_request(head.encode() + b"\r\n\r\nab")
    assert not is_whole_request(head.encode() + b"\r\n\r\nabcd")
    assert not is_whole_request(head.encode() + b"\r\n")
