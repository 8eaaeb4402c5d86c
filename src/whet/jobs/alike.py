"""That the processes of a job, where torchrun started several, do the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whet.errors import DataError, UsageError
from whet.training.team import Alone

if TYPE_CHECKING:
    from whet.training.checkpoints import Found


def check_same_step(team: Alone, found: Found | None) -> None:
    """Raises UsageError where a process of the job does not find the checkpoint that the first one found."""
    steps = team.meet(None if found is None else found.step)
    if len(set(steps)) > 1:
        raise UsageError(
            f"the newest checkpoint is that of step {steps[0]} for rank 0, and of step {steps[team.ranks.rank]} for "
            f"rank {team.ranks.rank}",
            where="--output",
            expected="a run folder on a disk that all machines share",
            todo="Copy the checkpoints to every machine, or start over with --fresh",
        )


def check_alike(team: Alone, digest: str, precision: str) -> None:
    """Raises DataError where another process has other data or settings, UsageError where another
    card led it to another precision. Weights do not count: on another machine their files have other
    times, and those of the first are taken."""
    digests, precisions = zip(*team.meet([digest, precision]), strict=True)
    strange = [str(rank) for rank, theirs in enumerate(digests) if theirs != digests[0]]
    if strange:
        raise DataError(
            f"rank {', '.join(strange)} of {len(digests)} has other data or settings than rank 0",
            where="torchrun",
            expected="the same command and the same data on every machine",
        )
    if len(set(precisions)) > 1:
        raise UsageError(
            f"by their cards the processes would train in {', '.join(precisions)}",
            where="--precision",
            expected="one for all",
            todo=f"Give --precision {'fp16' if 'fp16' in precisions else 'fp32'}",
        )
