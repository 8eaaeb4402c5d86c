"""JSON as RFC 8259 and I-JSON (RFC 7493) have it: UTF-8, no key twice, no number that is none."""

from __future__ import annotations

import json
import math
from typing import Any

from whet.server.refusals import Refusal


def parse(body: bytes) -> Any:
    """The document of a body. Raises Refusal: `invalid_json`, `not_finite` or `duplicate_key`."""
    try:
        return json.loads(
            body.decode("utf-8"), parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_without_doubles
        )
    except RecursionError:
        raise Refusal("invalid_json", "The body is nested too deeply.") from None
    except UnicodeDecodeError:
        raise Refusal("invalid_json", "The body is not UTF-8.") from None
    except json.JSONDecodeError as fault:
        said = f"The body is not JSON: line {fault.lineno}, column {fault.colno}."
        raise Refusal("invalid_json", said) from None
    except ValueError:  # a number of more digits than Python reads
        raise Refusal("invalid_json", "The body has a number of too many digits.") from None


def _refuse(_: str) -> None:
    raise Refusal("not_finite", "The body has a number that is not finite.")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        _refuse(digits)
    return number


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Refusal("duplicate_key", "An object has a key twice.")
    return found
