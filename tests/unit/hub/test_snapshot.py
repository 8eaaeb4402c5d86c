"""How a model of the hub is named."""

from __future__ import annotations

import pytest

from whet.hub import snapshot
from whet.hub.snapshot import Named

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("given", "repository", "revision"),
    [
        ("klue/bert-base", "klue/bert-base", None),
        ("hf:klue/bert-base", "klue/bert-base", None),
        ("hf:gpt2@", "gpt2", None),
        ("gpt2@v1.0", "gpt2", "v1.0"),
        ("hf:me/x@refs/pr/1", "me/x", "refs/pr/1"),
        (f"hf:me/x@{COMMIT}", "me/x", COMMIT),
    ],
)
def test_a_name_is_a_repository_and_perhaps_a_revision(given: str, repository: str, revision: str | None) -> None:
    assert snapshot.named(given) == Named(given, repository, revision)


def test_only_a_whole_commit_always_means_the_same_files() -> None:
    fixed = [
        name for name in ("me/x", "me/x@main", f"me/x@{COMMIT[:7]}", f"me/x@{COMMIT}") if snapshot.named(name).is_fixed
    ]
    assert fixed == [f"me/x@{COMMIT}"]
