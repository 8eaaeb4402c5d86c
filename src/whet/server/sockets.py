"""Connections that are slow, silent or too many: uvicorn gives a client all the time that it wants for its headers and
its body, and takes as many connections as come (uvicorn issues 157 and 1685). And requests that a full queue refuses
before they are read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from whet.server.app import State
from whet.server.front import SAFE, new_id, tell
from whet.server.refusals import Refusal
from whet.server.shed import is_whole_request


class Connections:
    """Those of a process: how many there may be, and which of them have no request, the longest so first."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.idle: dict[Connection, None] = {}

    def protocol(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> Connection:  # fmt: skip
        """What uvicorn makes of each connection."""
        return Connection(self, config, server_state, app_state, _loop)


class Connection(H11Protocol):
    """uvicorn's, with a time for each thing that a client has to do."""

    def __init__(
        self, all_of_them: Connections, config: Config, server_state: ServerState, app_state: dict[str, Any],
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:  # fmt: skip
        super().__init__(config, server_state, app_state, loop)
        self._all, self._limits = all_of_them, all_of_them.state.limits
        self._timer: asyncio.TimerHandle | None = None
        self._awaits = ""  # what the timer is for

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        if len(self.connections) > self._limits.connections and not self._make_room():
            self._refuse(Refusal("too_many_connections", "There are too many connections.", {"Retry-After": "1"}))
            return
        self._all.idle[self] = None
        self._await("headers", self._limits.header_time)

    def _make_room(self) -> bool:
        """Ends the connection that has been without a request for longest."""
        longest = next(iter(self._all.idle), None)
        if longest is None:
            return False
        self._all.idle.pop(longest)
        longest.transport.abort()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.idle.pop(self, None)
        self._await("")
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._sheds(data):
            return
        if not self._awaits and self.conn.their_state is h11.IDLE:
            self._await("headers", self._limits.header_time)  # of a later request: from its first byte
        super().data_received(data)
        self._see()

    def _sheds(self, data: bytes) -> bool:
        """Refuses a request where the queue is full; False where it has to be read first."""
        state = self._all.state
        try:
            state.batcher.check_room()
        except Refusal as refusal:
            is_between = self.conn.our_state is self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]
            if not is_between or self._awaits == "reply" or state.stopping or not is_whole_request(data):
                return False
            request_id = new_id()
            self.transport.write(_answer(refusal, request_id, {"X-Request-Id": request_id}))
            tell(state.metrics, request_id, "POST", "/predict", refusal.status, 0.0)
            if self._awaits != "reply":
                self._await("")
            self._all.idle.pop(self, None)
            self.on_response_complete()
            return True
        return False

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._see()

    def _see(self) -> None:
        """Sets the timer to what the client has to do next."""
        if self._awaits == "reply":
            return  # it has an answer to take
        if self.transport.is_closing():
            self._await("")
        elif self.conn.their_state is h11.IDLE:
            self._all.idle[self] = None
            if self._awaits == "body":
                self._await("")
        else:
            self._all.idle.pop(self, None)
            if self.conn.their_state is not h11.SEND_BODY:
                self._await("")
            elif self._awaits != "body":
                self._await("body", self._limits.body_time)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._await("reply", self._limits.reply_time)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._awaits == "reply":
            self._await("")
            self._see()

    def _await(self, what: str, seconds: float = 0.0) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._awaits = what
        self._timer = self.loop.call_later(seconds, self._too_slow) if what else None

    def _too_slow(self) -> None:
        if self._awaits == "headers" and self.conn.our_state is h11.IDLE:
            self._refuse(Refusal("too_slow", "The headers took too long."))
        else:
            self.transport.abort()  # an answer may have begun, or nobody reads it

    def send_400_response(self, msg: str) -> None:
        """Of what is no HTTP; uvicorn's own has none of our headers."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.close()
            return
        self._refuse(Refusal("bad_request", "This is no HTTP request, or its headers are too large."))

    def _refuse(self, refusal: Refusal) -> None:
        """Answers without the application, and closes."""
        self.transport.write(_answer(refusal, "", {"Connection": "close"}))
        self._await("")
        self.transport.close()


def _answer(refusal: Refusal, request_id: str, more: Mapping[str, str]) -> bytes:
    """The whole of it, headers and body."""
    body = refusal.body(request_id)
    headers = {**SAFE, **refusal.headers, "Content-Type": "application/json", "Content-Length": str(len(body)), **more}
    lines = [f"HTTP/1.1 {refusal.status} {refusal.code}", *(f"{name}: {text}" for name, text in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
