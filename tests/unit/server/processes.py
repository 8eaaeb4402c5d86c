"""Processes that serve, started and waited for."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from tests.conftest import REPOSITORY
from tests.unit.server.made import post, read


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextlib.contextmanager
def started(*command: str, port: int) -> Iterator[subprocess.Popen[str]]:
    """A process, from the moment that it is ready."""
    environment = {**os.environ, "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'src'}"}
    process = subprocess.Popen([sys.executable, *command], text=True, stderr=subprocess.PIPE, env=environment)
    try:
        ends = time.monotonic() + 90
        while True:
            with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), 5) as made:
                made.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                if b"ready" in read(made):
                    break
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < ends
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.communicate()


def asked(port: int, document: object) -> Any:
    """What the server on this port answers to /predict, on a connection of its own."""
    with socket.create_connection(("127.0.0.1", port), 20) as made:
        made.sendall(post(json.dumps(document).encode()))
        return json.loads(read(made).partition(b"\r\n\r\n")[2])
