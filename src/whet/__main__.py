"""The command `whet`, and `python -m whet`: a process that is to be set up before anything is loaded."""

from __future__ import annotations

import sys

from whet.system import heap

COMPUTING = (
    "train",
    "tune",
    "plan",
    "demo",
)  # commands whose memory is worth starting anew for, which takes some 20 ms


def main() -> int:
    """Runs the command line of this process and returns its exit code."""
    if sys.argv[1:2] and sys.argv[1] in COMPUTING:
        heap.begin_without_caches()
    from whet.cli import main as command

    return command()


if __name__ == "__main__":
    sys.exit(main())
