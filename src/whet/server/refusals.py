"""What the server refuses, as `{"error": {"code", "message", "request_id"}}`. What a client sent is never repeated."""

from __future__ import annotations

import json
from collections.abc import Mapping

# code: status. Each stands in docs/formats.md; a client may rely on both.
STATUS: Mapping[str, int] = {
    "bad_request": 400,  # not HTTP
    "invalid_json": 400,
    "no_token": 401,
    "foreign_origin": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "too_slow": 408,
    "body_too_large": 413,
    "too_many_texts": 413,
    "not_json": 415,
    "wrong_host": 421,
    "invalid": 422,
    "duplicate_key": 422,
    "unknown_key": 422,
    "not_finite": 422,
    "empty": 422,
    "unknown_label": 422,
    "headers_too_large": 431,
    "overloaded": 429,
    "failed": 500,
    "stopping": 503,
    "timeout": 503,
    "not_ready": 503,
    "too_many_connections": 503,
}


class Refusal(Exception):  # not an error of the server
    """A request that is not answered, and why. `headers` go with it."""

    def __init__(self, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code, self.message = code, message
        self.headers = dict(headers or {})

    @property
    def status(self) -> int:
        return STATUS[self.code]

    def body(self, request_id: str) -> bytes:
        error = {"code": self.code, "message": self.message, "request_id": request_id}
        return json.dumps({"error": error}, ensure_ascii=False).encode("utf-8", "backslashreplace")


def overloaded(seconds: float) -> Refusal:
    """For more work than is done in time; `seconds` until what waits now is done."""
    wait = max(1, min(60, round(seconds + 0.5)))
    return Refusal("overloaded", "More waits here than can be answered in time.", {"Retry-After": str(wait)})
