"""What every request passes before its route, and every answer after it, faults included: the headers that keep a
browser safe, the Host allow-list, the token, the size of the body, a line of log.

Plain ASGI, so that a body is counted while it comes and nothing of it is kept that is too large.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from whet.server.batcher import Batcher
from whet.server.metrics import Metrics, route_of
from whet.server.refusals import Refusal

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SAFE: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
# Without a token: what watches over the server, and the page, which asks for it.
OPEN, OPEN_BELOW = ("/healthz", "/readyz", "/"), "/page/"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})

logger = logging.getLogger("whet.server")


@dataclass(frozen=True, slots=True)
class Door:
    """Who is answered: clients that ask by one of these names, or by whatever address, and have the token."""

    hosts: frozenset[str] = LOOPBACK
    any_address: bool = False
    token: str | None = None


class Front:
    """The application behind these checks."""

    def __init__(self, app: App, batcher: Batcher, metrics: Metrics, door: Door) -> None:
        self._app, self._batcher, self._limits, self._metrics = app, batcher, batcher.limits, metrics
        self._hosts = frozenset(host.lower() for host in door.hosts)
        self._any_address = door.any_address
        self._token = None if door.token is None else door.token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = _Request(scope, send)
        try:
            self._check(scope, request.headers)
            await self._app(scope, await self._body(scope, request, receive), request.send)
        except Refusal as refusal:
            await request.refuse(refusal)
        except _Gone:
            request.status = request.status or 499
        except (asyncio.CancelledError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as fault:  # the last door: whatever a route raises is one answer without its words
            logger.exception("a route failed", extra={"request_id": request.id, "fault": type(fault).__name__})
            if not request.status:
                await request.refuse(Refusal("failed", "The server failed on this request."))
        seconds = time.perf_counter() - request.started
        tell(self._metrics, request.id, scope["method"], route_of(scope["path"]), request.status, seconds)

    def _check(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        size = sum(len(name) + len(text) for name, text in scope["headers"])
        if len(scope["headers"]) > self._limits.header_count or size > self._limits.headers:
            raise Refusal("headers_too_large", "The headers are too many or too large.", {"Connection": "close"})
        if b"content-length" in headers and b"transfer-encoding" in headers:
            # RFC 9112, 6.1: somebody on the way may have read the other one.
            raise Refusal("bad_request", "The body has two lengths.", {"Connection": "close"})
        if scope["http_version"] not in ("1.0", "1.1"):
            raise Refusal("bad_request", "This is no version of HTTP that is known.", {"Connection": "close"})
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if not self._is_ours(host):
            raise Refusal("wrong_host", "The server does not answer under this name: see --allow-host.")
        origin = headers.get(b"origin")
        if origin is not None and origin.decode("latin-1").lower().partition("://")[2] != host:
            raise Refusal("foreign_origin", "The request comes from a page of another origin.")
        path = scope["path"]
        if self._token is None or path in OPEN or path.startswith(OPEN_BELOW):
            return
        given = headers.get(b"authorization", b"")
        scheme, _, token = given.partition(b" ")
        # Both are compared, in the same time wherever they differ.
        if not hmac.compare_digest(token.strip(), self._token) or scheme.lower() != b"bearer":
            raise Refusal("no_token", "The token is missing or wrong.", {"WWW-Authenticate": "Bearer"})

    def _is_ours(self, host: str) -> bool:
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        return name in self._hosts or (self._any_address and _is_address(name))

    async def _body(self, scope: Scope, request: _Request, receive: Receive) -> Receive:
        """The whole body, as one message; for a route that takes none, what comes is left alone."""
        headers = request.headers
        if scope["method"] != "POST":
            return receive
        if scope["path"] == "/predict":
            self._batcher.check_room()
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise Refusal("not_json", "The body is compressed, which is not understood.", {"Connection": "close"})
        kind, _, rest = headers.get(b"content-type", b"").decode("latin-1").lower().partition(";")
        charset = rest.strip().removeprefix("charset=").strip('"')
        if kind.strip() != "application/json" or charset not in ("", "utf-8"):
            raise Refusal("not_json", "The body is not application/json in UTF-8.", {"Connection": "close"})
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length[:20]) > self._limits.body:
            raise self._too_large()
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Gone
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._limits.body:
                raise self._too_large()
        return _again(bytes(body), receive)

    def _too_large(self) -> Refusal:
        said = f"The body is larger than {self._limits.body} bytes."
        return Refusal("body_too_large", said, {"Connection": "close"})


def tell(metrics: Metrics, request_id: str, method: str, route: str, status: int, seconds: float) -> None:
    """Counts a request that is done, and logs it."""
    metrics.count(route, status, seconds)
    method = method if method in METHODS else "other"
    said = {"request_id": request_id, "method": method, "route": route, "status": status}
    logger.info("request", extra={**said, "ms": round(seconds * 1000, 2)})


def new_id() -> str:
    """What a request is called in its answer and in the log."""
    return os.urandom(8).hex()


class _Gone(Exception):  # not a fault
    """The client has left before its request was whole."""


class _Request:
    """A request on its way, and its answer, which gets its headers here."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.id = new_id()
        self.headers = dict(reversed(scope["headers"]))  # of one that stands twice the first
        self.started = time.perf_counter()
        self.status = 0
        self._send = send
        scope.setdefault("state", {})["request_id"] = self.id

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = {name.lower() for name, _ in message["headers"]}
            added = {**SAFE, "X-Request-Id": self.id}
            pairs = [(name.lower().encode(), text.encode()) for name, text in added.items()]
            message["headers"] = [*message["headers"], *(pair for pair in pairs if pair[0] not in given)]
        await self._send(message)

    async def refuse(self, refusal: Refusal) -> None:
        if self.status:
            return  # too late: the answer has begun
        body = refusal.body(self.id)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **refusal.headers}
        pairs = [(name.lower().encode(), text.encode()) for name, text in headers.items()]
        await self.send({"type": "http.response.start", "status": refusal.status, "headers": pairs})
        await self.send({"type": "http.response.body", "body": body})


def _again(body: bytes, receive: Receive) -> Receive:
    """A receive that gives the body, and then whatever comes after it."""
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


def _is_address(host: str) -> bool:
    """Whether this is no name: a page that points its own name here (DNS rebinding) cannot send it."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
