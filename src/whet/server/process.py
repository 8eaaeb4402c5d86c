"""A process that serves, from its listening socket to its end."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from uvicorn import Config, Server

from whet.errors import OutputError, UsageError
from whet.server.app import State
from whet.server.front import App
from whet.server.limits import Limits
from whet.server.sockets import Connections

LINGER = 1.0  # in which clients that keep their connections learn that the server ends
DIED = 1  # the exit code where the thread that computes has ended: whoever watches over the server starts it again

logger = logging.getLogger("whet.server")


def bind(host: str, port: int) -> socket.socket:
    """A socket that has the address and does not listen yet: a client that comes too early is refused, and does not
    wait. Raises OutputError where somebody else has it, UsageError where there is no such address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except (socket.gaierror, UnicodeError) as fault:  # the latter of a name that no host has
        made.close()
        said = fault.strerror if isinstance(fault, OSError) else "no name of a host"
        raise UsageError(f"{said}: {host}", where="--host", todo="Name an address of this machine") from None
    except OSError as fault:
        made.close()
        raise taken(host, port, fault) from None
    return made


def taken(host: str, port: int, fault: OSError) -> OutputError:
    return OutputError(
        f"{fault.strerror}: {host} port {port}", where="--port", todo="Name another port; 0 takes a free one"
    )


def serve(app: App, state: State, listening: socket.socket, limits: Limits, *, leader: int = 0) -> int:
    """Answers until a signal, and then what was accepted; returns the exit code: 0 after a signal, DIED where it did
    not begin, or the thread that computes has ended. A second signal ends the process at once. With `leader` it also
    ends when that process is gone. Raises OutputError where somebody else listens at the address by now."""
    server = server_of(app, state, limits, leader=leader)
    server.run(sockets=[listening])
    return DIED if state.batcher.has_died or not server.started else 0


def server_of(app: App, state: State, limits: Limits, *, leader: int = 0) -> Server:
    """uvicorn's server, set up."""
    connections = Connections(state)
    config = Config(
        app,
        http=connections.protocol,  # type: ignore[arg-type]  # called as a class is
        ws="none", loop="asyncio", interface="asgi3", lifespan="on", log_config=None, access_log=False,
        proxy_headers=False, server_header=False, date_header=True, timeout_keep_alive=limits.idle_time,
        timeout_graceful_shutdown=limits.drain, h11_max_incomplete_event_size=limits.headers, backlog=2_048,
    )  # fmt: skip
    return _Server(config, state, leader)


class _Server(Server):
    """uvicorn's, which after a signal goes on to hear clients for a moment, to refuse what they ask for."""

    def __init__(self, config: Config, state: State, leader: int) -> None:
        super().__init__(config)
        self._state, self._leader = state, leader

    @contextmanager
    def capture_signals(self) -> Iterator[None]:  # uvicorn's raises them again at the end
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        both = (signal.SIGINT, signal.SIGTERM)
        # A signal that whoever started this process wants ignored stays so.
        heard = [number for number in both if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self._hear) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, number: int, _: FrameType | None) -> None:
        if self.should_exit:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self._state.stopping = self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except OSError as fault:
            await self.lifespan.shutdown()
            if fault.errno != errno.EADDRINUSE or not sockets:
                raise
            host, port, *_ = sockets[0].getsockname()
            raise taken(host, port, fault) from None

    async def on_tick(self, counter: int) -> bool:
        if self._state.batcher.has_died or (self._leader and os.getppid() != self._leader):
            self._state.stopping = self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        logger.info("stopping")
        for server in self.servers:
            server.close()
        for each in sockets or ():
            each.close()
        ends = asyncio.get_running_loop().time() + LINGER
        while self.server_state.connections and asyncio.get_running_loop().time() < ends:
            await asyncio.sleep(0.02)
        await super().shutdown(sockets)
        logger.info("stopped")
