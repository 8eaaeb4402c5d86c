"""Claim: `whet serve` loses, mixes up and fails nothing under load, and refuses at once what it cannot answer in time.

    python benchmarks/serve.py [--run RUN] [--requests 10000] [--clients 200] [--words 40] [--seconds 10]
        [--sections A,B] [--save]

The client checks every answer against `predict` of the same texts, one at a time. It and the server each have a core of
their own (where there are two). A section each: `load` (requests of keep-alive clients, closed loop), `alone` (the same
texts one at a time by the library in this process, for the ratio), `overload` (an open loop at 5 times the pace that
`load` reached: a closed loop would wait for the server, and hide its queue), `slow` (200 sockets that send a byte now
and then beside normal clients), `memory` (growth of the server's memory over requests). The texts are the first
words of reviews. Without --run a tiny linear model is trained on sample:reviews; of a run
the result is called serve_run.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

from common import emit, parser

import whet

PATIENCE = 30.0  # for one answer
CONNECTIONS = 1_000  # all together: beyond 1,024 the server closes the one that has been idle for longest
TOLERANCE = 1e-5  # of a probability: another company in a batch rounds differently
SECTIONS = ("overload", "slow", "memory")  # beside load, which they need


class Client:
    """One connection that is kept, and what happened on it."""

    def __init__(self, port: int, known: dict[str, dict[str, float]]) -> None:
        self._port, self._known = port, known
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, text: str, found: Counter[str], seconds: dict[str, list[float]]) -> None:
        """Asks, checks the answer, and counts both."""
        began = time.perf_counter()
        try:
            status, document = await asyncio.wait_for(self._exchange(text), PATIENCE)
        except (OSError, ValueError, IndexError, asyncio.IncompleteReadError, TimeoutError):
            found["lost"] += 1
            self.close()
            return
        kind = "answered" if status == 200 else "refused" if status == 429 else "failed"
        if kind == "answered" and not self._is_right(text, document):
            kind = "wrong"
        found[kind] += 1
        seconds.setdefault(kind, []).append(time.perf_counter() - began)

    def _is_right(self, text: str, document: dict[str, dict[str, float]]) -> bool:
        known = self._known[text]
        return document["text"] == text and all(
            abs(document["probabilities"][label] - share) < TOLERANCE for label, share in known.items()
        )

    async def _exchange(self, text: str) -> tuple[int, dict[str, dict[str, float]]]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        body = json.dumps({"text": text}).encode()
        head = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
        writer.write(f"{head}{len(body)}\r\n\r\n".encode() + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
        length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))
        return int(lines[0].split(b" ")[1]), json.loads(await reader.readexactly(length))

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


@contextmanager
def serving(run: str, cores: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Port and process of a server on the last of these cores."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "whet", "serve", run, "--port", str(port), "--threads", "1", "--quiet"]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    os.sched_setaffinity(server.pid, {cores[-1]})
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionError:
                if server.poll() is not None:
                    raise SystemExit(f"whet serve ended with {server.returncode}") from None
                time.sleep(0.1)
        yield port, server.pid
    finally:
        server.terminate()
        if server.wait(60) != 0:
            raise SystemExit(f"whet serve ended with {server.returncode}")


def told(found: Counter[str], seconds: dict[str, list[float]], took: float) -> dict[str, object]:
    """Counts, pace and latencies of a section."""
    told: dict[str, object] = {**found, "seconds": round(took, 2)}
    told["requests_per_second"] = round(found["answered"] / took, 1)
    for kind, values in seconds.items():
        if len(values) > 1:
            cuts = quantiles(values, n=100)
            told[f"{kind}_ms"] = {"p50": round(cuts[49] * 1e3, 1), "p99": round(cuts[98] * 1e3, 1),
                                  "max": round(max(values) * 1e3, 1)}  # fmt: skip
    return told


async def closed(clients: Sequence[Client], texts: Sequence[str]) -> dict[str, object]:
    """Each client asks for the next text as soon as it has its answer."""
    found: Counter[str] = Counter()
    seconds: dict[str, list[float]] = {}
    waiting = iter(texts)

    async def work(client: Client) -> None:
        for text in waiting:
            await client.ask(text, found, seconds)

    began = time.perf_counter()
    await asyncio.gather(*(work(client) for client in clients))
    return told(found, seconds, time.perf_counter() - began)


async def opened(
    port: int, known: dict[str, dict[str, float]], pace: float, seconds: float, most: int
) -> dict[str, object]:
    """So many requests a second, whether the ones before are answered or not, as long as `most` are on their way."""
    found: Counter[str] = Counter()
    times: dict[str, list[float]] = {}
    idle: list[Client] = []
    tasks = set[asyncio.Task[None]]()
    texts = list(known)

    async def one(text: str) -> None:
        client = idle.pop() if idle else Client(port, known)
        await client.ask(text, found, times)
        idle.append(client)

    began = time.perf_counter()
    sent = 0
    while (now := time.perf_counter() - began) < seconds:
        while sent < now * pace and len(tasks) < most:
            task = asyncio.create_task(one(texts[sent % len(texts)]))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            sent += 1
        await asyncio.sleep(0.002)
    took = time.perf_counter() - began
    done = found["answered"]
    await asyncio.gather(*tasks)
    for client in idle:
        client.close()
    return {**told(found, times, took), "sent": sent, "goodput": round(done / took, 1)}


async def dripping(port: int, halt: asyncio.Event) -> None:
    """A socket that sends a byte of its headers now and then, and begins anew when it is closed."""
    while not halt.is_set():
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nX: ")
            while not halt.is_set() and not writer.is_closing():
                writer.write(b"a")
                await writer.drain()
                await asyncio.sleep(1)
            writer.close()
        except OSError:
            await asyncio.sleep(0.1)


async def beside_slow(clients: Sequence[Client], texts: Sequence[str], port: int) -> dict[str, object]:
    before = await closed(clients, texts)
    halt = asyncio.Event()
    slow = [asyncio.create_task(dripping(port, halt)) for _ in range(200)]
    await asyncio.sleep(2)
    during = await closed(clients, texts)
    halt.set()
    await asyncio.gather(*slow)
    return {"before": before, "during": during}


def resident(process: int) -> float:
    """MB that a process has in memory."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) / 1024


async def growth(clients: Sequence[Client], texts: Sequence[str], process: int) -> dict[str, object]:
    """MB for 10,000 requests, after a round to warm up."""
    await closed(clients, texts)
    before = resident(process)
    rounds = 3
    for _ in range(rounds):
        await closed(clients, texts)
    grown = (resident(process) - before) / (rounds * len(texts)) * 10_000
    return {"mb_for_10000_requests": round(grown, 2), "mb": round(resident(process), 1)}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--run")
    arguments.add_argument("--requests", type=int, default=10_000)
    arguments.add_argument("--clients", type=int, default=200)
    arguments.add_argument("--words", type=int, default=40)
    arguments.add_argument("--seconds", type=float, default=10.0)
    arguments.add_argument("--sections", default=",".join(SECTIONS))
    given = arguments.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0]})
    with tempfile.TemporaryDirectory() as folder:
        run = given.run or str(whet.train("sample:reviews", model="linear", output=f"{folder}/run").path)
        result = measured(run, given, cores)
    name = "serve" if given.run is None else "serve_run"
    emit(name, __doc__.splitlines()[0].removeprefix("Claim: "), result, save=given.save)


def measured(run: str, given: argparse.Namespace, cores: Sequence[int]) -> dict[str, object]:
    requests, count, sections = given.requests, given.clients, given.sections.split(",")
    predictor = whet.load(run).predictor
    sentences = [" ".join(text.split()[: given.words]) for text in sample_texts() if len(text) < 200]
    texts = [f"{sentences[i % len(sentences)]} {i}" for i in range(requests)]
    tokens = int(predictor.artifact.sizes(texts[:1000], None).mean())
    result: dict[str, object] = {"requests": requests, "clients": count, "cores": len(cores), "tokens_about": tokens}
    known: dict[str, dict[str, float]] = {}
    began = time.perf_counter()
    for number, text in enumerate(texts, 1):
        known[text] = dict(predictor.predict([text])[0].probabilities)
        if number == min(requests, 1_000):
            result["alone"] = {"requests_per_second": round(number / (time.perf_counter() - began), 1)}
    with serving(run, cores) as (port, process):

        async def work() -> None:
            clients = [Client(port, known) for _ in range(count)]
            result["load"] = load = await closed(clients, texts)
            print(json.dumps(load), flush=True)
            if "overload" in sections:
                pace = 5 * float(str(load["requests_per_second"]))
                result["overload"] = await opened(port, known, pace, given.seconds, CONNECTIONS - count)
            if "slow" in sections:
                result["slow"] = await beside_slow(clients[:50], texts[: len(texts) // 2], port)
            if "memory" in sections:
                result["memory"] = await growth(clients, texts, process)
            for client in clients:
                client.close()

        asyncio.run(work())
    return result


def sample_texts() -> list[str]:
    path = Path(whet.__file__).parent / "data" / "samples" / "reviews-train.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file)]


if __name__ == "__main__":
    main()
