"""Is the model and data hub there? One question, asked before anything that would wait for it."""

from __future__ import annotations

import threading
from functools import lru_cache
from urllib.parse import urlsplit

PROBE_SECONDS = 4.0


def endpoint() -> str:
    """The hub's address: HF_ENDPOINT, else huggingface.co."""
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def host() -> str:
    """The hub's host, for messages."""
    return urlsplit(endpoint()).netloc or endpoint()


def unreachable_because() -> str:
    """'' when the hub answers, else the reason in a few words; at most PROBE_SECONDS.

    Any HTTP answer counts, and the proxies of the environment are used. HF_HUB_OFFLINE is
    respected.
    """
    from huggingface_hub import constants

    return "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else _probe(endpoint())


@lru_cache(maxsize=8)
def _probe(address: str) -> str:
    answers: list[str] = []
    # In a thread, because a name look-up knows no time limit of its own.
    thread = threading.Thread(target=lambda: answers.append(_ask(address)), daemon=True)
    thread.start()
    thread.join(PROBE_SECONDS)
    return answers[0] if answers else f"no answer within {PROBE_SECONDS:g} seconds"


def _ask(address: str) -> str:
    # Here, for they load half of what the first answer of a small model waits for.
    import urllib.error
    import urllib.request
    from http.client import HTTPException

    try:
        with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=PROBE_SECONDS):
            return ""
    except urllib.error.HTTPError as answer:
        answer.close()
        return ""
    except urllib.error.URLError as fault:
        return str(fault.reason)
    except (OSError, HTTPException, ValueError) as fault:
        return str(fault) or type(fault).__name__
