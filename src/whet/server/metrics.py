"""What /metrics tells Prometheus. No label has a value that a client can choose, so that their number is bounded."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from whet.server.batcher import Batcher

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ROUTES = ("/predict", "/labels", "/healthz", "/readyz", "/metrics", "/openapi.json", "/report", "/")


def route_of(path: str) -> str:
    """The route of a request; of a path that is none of ours, which may say anything, `other`."""
    return path if path in ROUTES else "/page" if path.startswith("/page/") else "other"


class Metrics:
    """Of one process; `shared`: of all that write to the folder of PROMETHEUS_MULTIPROC_DIR."""

    def __init__(self, *, shared: bool) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        if shared:
            self._registry = CollectorRegistry()
            MultiProcessCollector(self._registry)  # type: ignore[no-untyped-call]
        self._requests = Counter(
            "whet_requests", "Requests, by route and status.", ["route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "whet_request_seconds", "From request to answer, of /predict.", buckets=SECONDS, registry=registry
        )
        self._texts = Counter("whet_texts", "Texts that were computed, explanations' copies among them.",
                              registry=registry)  # fmt: skip
        self._tokens = Counter("whet_tokens", "Tokens of these, about.", registry=registry)
        self._batches = Counter("whet_batches", "Batches that were computed.", registry=registry)
        self._computing = Counter("whet_computing_seconds", "Time that they took.", registry=registry)
        self._waiting = Gauge("whet_waiting_tokens", "Tokens that wait, about.", registry=registry,
                              multiprocess_mode="livesum")  # fmt: skip
        self._told = (0, 0, 0, 0.0)

    def count(self, route: str, status: int, seconds: float) -> None:
        """A request that is done."""
        self._requests.labels(route, str(status)).inc()
        if route == "/predict":
            self._seconds.observe(seconds)

    def update(self, batcher: Batcher) -> None:
        """What the batches since the last time came to."""
        done = batcher.counts
        now = (done.texts, done.tokens, done.batches, done.seconds)
        for counter, after, before in zip(
            (self._texts, self._tokens, self._batches, self._computing), now, self._told, strict=True
        ):
            counter.inc(after - before)
        self._told = now
        self._waiting.set(batcher.waiting_tokens)

    def text(self) -> bytes:
        return generate_latest(self._registry)
