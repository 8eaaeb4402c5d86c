"""A model whose answers are known, and servers around it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
from uvicorn import Server

from whet.errors import ModelError
from whet.labels import Kind, LabelSet
from whet.prediction.predictor import Predictor
from whet.records import Bools, Floats, Inputs, Ints, Usage
from whet.server.app import State, build
from whet.server.front import App, Door
from whet.server.limits import Limits
from whet.server.process import server_of
from whet.server.sockets import Connections

TWO = LabelSet(("neg", "pos"), "pos", "by its name")
FAILS, PANICS, DIES, NO_NUMBER = "this text raises", "this text panics", "this text ends the thread", "no number"


class PanicError(BaseException):
    """As the panics of Rust's libraries come: no Exception."""


def known(text: str, other: str = "") -> float:
    """What the model says of a text: a number that another text does not have."""
    digest = hashlib.sha256(f"{text}\0{other}".encode("utf-8", "backslashreplace")).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 * 8 - 4


@dataclass
class Known:
    """A model of two labels, or of whatever is given, that fails on demand. `gate`: it answers when that is set."""

    labels: LabelSet = TWO
    usage: Usage = Usage()
    gate: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)
    batches: list[list[str]] = field(default_factory=list)
    seconds_a_token: float = 0.0
    is_damaged: bool = False
    unproven: BaseException | None = None

    def __post_init__(self) -> None:
        self.gate.set()

    def logits(self, texts: Sequence[str], pairs: Sequence[str] | None) -> tuple[Floats, Bools]:
        self.batches.append(list(texts))
        self.entered.set()
        assert self.gate.wait(20)
        if self.seconds_a_token:
            time.sleep(self.seconds_a_token * int(self.sizes(texts, pairs).sum()))
        for text in texts:
            if text == FAILS:
                raise RuntimeError(f"the model saw {text}")
            if text == PANICS:
                raise PanicError("rust")
            if text == DIES:
                raise SystemExit
        ends = [""] * len(texts) if pairs is None else pairs
        found = np.array([[0.0, known(text, end)] for text, end in zip(texts, ends, strict=True)])
        found = np.tile(found[:, 1:], (1, len(self.labels))) * np.arange(len(self.labels))
        found[[text == NO_NUMBER for text in texts]] = np.nan
        return found, np.array([len(text) > 1_000 for text in texts])

    def sizes(self, texts: Sequence[str], pairs: Sequence[str] | None) -> Ints:
        ends = [""] * len(texts) if pairs is None else pairs
        return np.array([1 + len(text.split()) + len(end.split()) for text, end in zip(texts, ends, strict=True)])

    def prove(self, *, quick: bool = False) -> None:
        if self.unproven is not None:
            raise self.unproven
        if self.is_damaged:
            raise ModelError("the model answers its test texts differently from when it was saved")


def pairs_too(kind: Kind = "one") -> Usage:
    return Usage(Inputs("text", "other"))


def score(text: str, other: str = "") -> float:
    """Of the label pos."""
    return float(1 / (1 + np.exp(-known(text, other))))


@contextlib.asynccontextmanager
async def started(app: App) -> AsyncIterator[None]:
    """The application between its start and its end, as a server runs it."""
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    task = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}}, heard.get, said.put))
    await heard.put({"type": "lifespan.startup"})
    assert (await said.get())["type"] == "lifespan.startup.complete"
    try:
        yield
    finally:
        await heard.put({"type": "lifespan.shutdown"})
        assert (await said.get())["type"] == "lifespan.shutdown.complete"
        await task


@contextlib.asynccontextmanager
async def client(model: Known, limits: Limits | None = None, **more: Any) -> AsyncIterator[httpx.AsyncClient]:
    app, _ = build(Predictor(model), limits or Limits(), Door(token=more.pop("token", None)), **more)
    async with (
        started(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=True), base_url="http://localhost"
        ) as made,
    ):
        yield made


@dataclass(frozen=True)
class Running:
    """A server on a port of this machine."""

    port: int
    state: State
    model: Known
    server: Server
    connections: Connections

    def connect(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def say(self, raw: bytes) -> bytes:
        """What comes back for these bytes, until the server closes or says no more for a while."""
        with self.connect() as made:
            made.sendall(raw)
            return read(made)


def read(made: socket.socket, *, patience: float = 20.0) -> bytes:
    """All until the other side closes."""
    made.settimeout(patience)
    found = b""
    with contextlib.suppress(ConnectionError):
        while part := made.recv(65_536):
            found += part
    return found


def post(body: bytes, *headers: str, path: str = "/predict") -> bytes:
    """A request that asks to close the connection afterwards."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json",
             f"Content-Length: {len(body)}", "Connection: close", *headers]  # fmt: skip
    return "\r\n".join([*lines, "", ""]).encode() + body


@contextlib.contextmanager
def running(model: Known | None = None, limits: Limits | None = None, **more: Any) -> Iterator[Running]:
    """A real server in a thread."""
    model, limits = model or Known(), limits or Limits()
    app, state = build(Predictor(model), limits, Door(token=more.pop("token", None)), **more)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    server = server_of(app, state, limits)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield Running(port, state, model, server, server.config.http.__self__)
    finally:
        model.gate.set()
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()
