"""Lines of JSON on stderr. None has a text of a user, or the token."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

OWN = ("request_id", "method", "route", "status", "ms", "fault", "pid")


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        said = "a fault of asyncio" if record.name == "asyncio" else record.getMessage()  # whose words may be a text's
        line: dict[str, object] = {"time": moment, "level": record.levelname.lower(), "message": said}
        line |= {name: record.__dict__[name] for name in OWN if name in record.__dict__}
        if record.exc_info is not None and record.exc_info[0] is not None and "fault" not in line:
            line["fault"] = record.exc_info[0].__name__  # its words may be those of a text
        return json.dumps(line)  # in ASCII: nothing in it moves a cursor


def write_json(*, quiet: bool) -> None:
    """From now on what the server, uvicorn and asyncio log is written so. `quiet`: without a line for each request."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    for name in ("whet.server", "uvicorn", "asyncio"):
        found = logging.getLogger(name)
        found.handlers, found.propagate = [handler], False
        found.setLevel(logging.INFO if name == "whet.server" and not quiet else logging.WARNING)
