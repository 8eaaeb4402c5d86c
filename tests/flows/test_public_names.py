"""A user's first lines in Python: `import whet`, then every public name at work."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import review_rows
from tests.flows.conftest import python, write_csv

SCRIPT = """
import json, sys
import whet
model = sys.argv[1]
found = whet.check("reviews.csv")
run = whet.train("reviews.csv", model=model, epochs=1, threads=1, baseline=False)
steps = list(whet.steps("reviews.csv", model=model, epochs=0.5, threads=1, baseline=False))
assert isinstance(run, whet.Run) and isinstance(whet.load("last"), whet.Run)
adapted = whet.adapt(model, "reviews.csv", epochs=1, threads=1)
try:
    whet.load("nothing")
except whet.WhetError as fault:
    told = str(fault)
print(json.dumps({
    "rows": found.rows["train"],
    "steps": [step.step for step in steps],
    "label": whet.predict(run.path, ["Is it true?"])[0].label == run.predict(["Is it true?"])[0].label,
    "rows scored": whet.evaluate(run, "reviews.csv").metrics.rows,
    "explained": [found.text for found in whet.explain(run, ["Is it true?"])],
    "adapted": adapted.metrics["texts"],
    "epochs": whet.Settings().epochs,
    "told": told,
    "version": whet.__version__,
    "names": [name for name in whet.__all__ if name != "__version__" and not callable(getattr(whet, name))],
}))
"""


def test_every_public_name_works_in_one_script(here: Path, tiny_bert: Path) -> None:
    import whet

    write_csv(here / "reviews.csv", review_rows())
    ended = python("-W", "error", "-c", SCRIPT, str(tiny_bert))
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out) == {
        "rows": 60,
        "steps": [1, 2],
        "label": True,
        "rows scored": 60,
        "explained": ["Is it true?"],
        "adapted": {"train": 57, "held_out": 3},
        "epochs": 2.0,
        "told": "RUN: no such run: nothing. Expected a run folder, its model/ folder, or last.",
        "version": whet.__version__,
        "names": [],
    }
