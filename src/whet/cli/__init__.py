"""The command line: one file per command, and the only part of whet that prints.

Results go to stdout, progress and notices to stderr. Torch and the pipeline are imported inside a
command's body, so that help and mistakes answer at once.
"""

from __future__ import annotations

from whet.cli.app import main as main
