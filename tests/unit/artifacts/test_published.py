"""What of a card changes on its way to the hub."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from whet.artifacts.published import _card, _check_strangers
from whet.errors import OutputError

CARD = """---
library_name: transformers
{more}tags:
- whet
---

# Text classifier

    pipeline(model="PATH_OF_THIS_FOLDER")
    whet predict PATH_OF_THIS_FOLDER "..."
---
license: of nothing, for this is no front matter
"""


@pytest.mark.parametrize(
    ("given", "known", "written"),
    [
        (None, None, ""),
        ("mit", None, "license: mit\n"),
        (None, "mit", "license: mit\n"),
        ("mit", "apache-2.0", "license: mit\n"),
    ],
)
def test_a_card_without_a_licence_gets_the_one_that_is_given_else_the_known_one(
    given: str | None, known: str | None, written: str
) -> None:
    made = _card(CARD.format(more=""), "me/x", given, known)
    expected = CARD.format(more="").replace("---\n", f"---\n{written}", 1)
    expected = expected.replace("predict PATH_OF_THIS_FOLDER", "predict hf:me/x").replace("PATH_OF_THIS_FOLDER", "me/x")
    assert made == expected


def test_a_licence_that_the_card_has_stays_unless_another_one_is_given() -> None:
    card = CARD.format(more="license: mit  # mine\n").replace("PATH_OF_THIS_FOLDER", "elsewhere")
    assert _card(card, "me/x", None, "apache-2.0") == card
    assert _card(card, "me/x", "cc0-1.0", None) == card.replace("license: mit  # mine", "license: cc0-1.0")


def test_a_card_that_somebody_wrote_anew_is_kept() -> None:
    assert _card("# Mine\n", "me/x", None, None) == "# Mine\n"
    assert _card("# Mine\n", "me/x", "mit", None) == "---\nlicense: mit\n---\n\n# Mine\n"


@pytest.mark.parametrize(
    ("ours", "advice"),
    [
        ({"config.json"}, ", or push an export too (exports=True; whet export RUN first)"),
        ({"config.json", "export/model.onnx"}, ""),
    ],
)
def test_whoever_pushes_an_export_is_not_advised_to_push_one(ours: set[str], advice: str) -> None:
    there = ("config.json", "export/model.onnx", "export/model_int8.onnx")
    known: Any = SimpleNamespace(siblings=[SimpleNamespace(rfilename=name) for name in there])
    with pytest.raises(OutputError) as caught:
        _check_strangers("me/x", known, ours)
    assert caught.value.message == (
        "hf:me/x: nothing was sent: the repository has files of another model, which would be read with this one: "
        f"export/. Delete them on the hub, or give another name{advice}."
    )
