"""What a server takes, in which time, and what it tells of itself: docs/decisions/0028 says why these figures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds."""

    body: int = 1_048_576
    texts: int = 64
    """Of one request;"""
    explained: int = 8
    """of one that asks which words counted."""
    explaining: int = 2
    """Requests of that kind whose texts are asked about at a time;"""
    explaining_waiting: int = 16
    """and how many may wait."""
    batch_tokens: int = 4_096
    """What is computed at once, about: a larger product is no faster on a CPU."""
    queue_tokens: int = 65_536
    """What may wait to be computed, about,"""
    patience: float = 2.5
    """and how long that may take, at the pace of the last batches."""
    deadline: float = 10.0
    """From the whole request to its answer."""
    headers: int = 16_384
    header_count: int = 100
    header_time: float = 10.0
    body_time: float = 30.0
    reply_time: float = 30.0
    """In which a client has to take its answer."""
    idle_time: int = 30
    """Between two requests of a connection."""
    connections: int = 1_024
    drain: int = 25
    """What accepted requests have left after SIGTERM: less than the 30 seconds that Kubernetes waits."""
    failures: int = 5
    """Batches in a row that raise, after which the server is not ready."""
    proof_age: float = 60.0
    """After which /readyz has the test texts answered again."""
