"""Lines of JSON on stderr. None has a text of a user, or the token."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

OWN = ("request_id", "method", "route", "status", "ms", "fault", "pid")


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {"time": moment, "level": record.levelname.lower(), "message": record.getMessage()}
        line |= {name: record.__dict__[name] for name in OWN if name in record.__dict__}
        if record.exc_info is not None and record.exc_info[0] is not None and "fault" not in line:
            line["fault"] = record.exc_info[0].__name__  # its words may be those of a text
        return json.dumps(line)  # in ASCII: nothing in it moves a cursor


def write_json(*, quiet: bool) -> None:
    """From now on what the server and uvicorn log is written so. `quiet`: without a line for each request."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    for name, level in (("whet.server", logging.WARNING if quiet else logging.INFO), ("uvicorn", logging.WARNING)):
        found = logging.getLogger(name)
        found.handlers, found.propagate = [handler], False
        found.setLevel(level)
