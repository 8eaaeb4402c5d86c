"""Which requests a full queue refuses unread. To parse a request takes about as long as to refuse it, so that a server
that parses all of them has, under many times its load, no time left for what it took."""

from __future__ import annotations

ASKS = b"POST /predict HTTP/1.1\r\n"
LENGTH = b"\r\ncontent-length:"
KEPT = b"\r\nconnection: keep-alive\r\n"
DIGITS = 9


def is_whole_request(data: bytes) -> bool:
    """Whether these bytes are one request to /predict from its first byte to its last, of a connection that stays
    open, so that nothing of it is left when they are dropped. Wherever a parser could find anything else the answer is
    no; tests/unit/server/test_shed.py asks h11."""
    if not data.startswith(ASKS):
        return False
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = data[: end + 2].lower()
    if head.count(b"content-length") != 1 or b"transfer-encoding" in head or b"upgrade" in head or b"expect" in head:
        return False
    if b"connection" in head and (head.count(b"connection") != 1 or KEPT not in head):
        return False
    # A line may end in \n alone, or go on in the next one.
    if head.count(b"\n") != head.count(b"\r\n") or b"\n " in head or b"\n\t" in head:
        return False
    start = head.find(LENGTH) + len(LENGTH)
    length = head[start : head.find(b"\r\n", start)].strip(b" \t")
    return start >= len(LENGTH) and _is_number(length) and int(length) == len(data) - end - 4


def _is_number(text: bytes) -> bool:
    return len(text) <= DIGITS and text.isdigit()
