"""Claim: ten minutes on two cores give no data set a model that is surely worse than the better cheap baseline.

One `whet train TRAIN --test TEST --budget 10m` a data set, with no other setting, in a process of its own. Its answers
to the test rows that it scored are held against TF-IDF with logistic regression (of values ridge regression) and NB-SVM
that have learnt from every training row, of which a job keeps some for validation: paired bootstrap of these rows, the
better baseline as these rows tell it. Files that a set has for validation are given to the job; the baselines do not
learn from them.

    python benchmarks/budget.py [--data imdb sst2 ...] [--budget 10m] [--save]

`--save` keeps what was found beside what was kept before. Last line: one JSON object.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import emit, newest, parser, shared, trained

CLAIM = "ten minutes on two cores give no data set a model that is surely worse than the better cheap baseline"
DATA = {
    "imdb": "imdb/train.parquet --test imdb/test.parquet",
    "sst2": "sst2/train.parquet --validation sst2/validation.parquet --test sst2/test.parquet",
    "nsmc": "nsmc/train.parquet --test nsmc/test.parquet",
    "ag_news": "ag_news/train10k.parquet --test ag_news/test.parquet",
    "ko_hate": "ko_hate/train.parquet --test ko_hate/validation.parquet",
    "goemotions": "goemotions/train.parquet --validation goemotions/validation.parquet --test goemotions/test.parquet",
    "mrpc": "mrpc/train.parquet --test mrpc/test.parquet",
    "stsb": "stsb/train.parquet --validation stsb/validation.parquet --test stsb/test.parquet",
}
ANSWERS = {"label": "one", "labels": "several", "score": "value"}
"""Column that holds the answer, and what a row then has."""


def run(name: str, budget: str, folder: Path) -> dict[str, Any]:
    """Minutes of one job, what it handed out, and its settings; the run itself is left in `folder`."""
    asked = f"{DATA[name]} --budget {budget}"
    done = trained(asked, folder)
    print(done.told, file=sys.stderr, flush=True)
    settings = done.document("run.json")["settings"]
    return {
        "command": f"whet train {asked}",
        **done.minutes(),
        "auto": done.document("metrics.json").get("auto"),
        "settings": {name: settings[name]["value"] for name in ("train_rows", "test_rows", "max_length", "epochs")},
    }


def side(path: Path) -> tuple[Any, list[Any], str]:
    """Texts as a model sees them, the answers as the file has them, and what a row has."""
    import pyarrow.parquet

    from whet.data.clean import clean_text
    from whet.score.features import Inputs

    table = pyarrow.parquet.read_table(path)
    column = next(name for name in ANSWERS if name in table.column_names)
    texts, second = (
        [clean_text(text) for text in table[name].to_pylist()] if name in table.column_names else None
        for name in ("text", "text2")
    )
    return Inputs(texts, second), table[column].to_pylist(), ANSWERS[column]


def against_baselines(name: str, run: Path) -> dict[str, Any]:
    """Scores of the run and of both baselines on the rows that the run scored, and the difference to the better."""
    import pyarrow.parquet

    from whet.labels import LabelSet
    from whet.score import baseline
    from whet.score.compare import paired

    paths = DATA[name].split()
    (train, known, kind), (test, true, _) = side(shared("data") / paths[0]), side(shared("data") / paths[-1])
    found = pyarrow.parquet.read_table(run / "predictions.parquet", columns=["row_id", "predicted"])
    rows = np.asarray(found["row_id"].to_pylist())
    every = {str(label) for row in known for label in (row if kind == "several" else [row])}
    names = ("score",) if kind == "value" else tuple(sorted(every, key=int))
    labels = LabelSet(names, names[1] if kind == "one" and len(names) == 2 else None, "", kind)

    def targets(answers: list[Any]) -> Any:
        if kind == "value":
            return np.array(answers, np.float64)
        if kind == "one":
            return np.array([names.index(str(each)) for each in answers])
        return np.array([[label in set(map(str, each)) for label in names] for each in answers])

    wanted, mine = targets([true[row] for row in rows]), targets(found["predicted"].to_pylist())
    rivals = baseline.baselines(train, targets(known), test.take(rows), wanted, labels, cache=None)
    differences = {
        rival: paired(wanted, mine, answers, kind, rival)  # type: ignore[arg-type]
        for rival, answers in rivals.answers.items()
        if rival != "majority"
    }
    nearest = min(differences.values(), key=lambda each: each.difference)
    scored = {rival: getattr(getattr(rivals, rival), nearest.metric) for rival in differences}
    return {
        "rows": len(rows),
        "of": len(true),
        "metric": nearest.metric,
        "score": round(scored[nearest.against] + nearest.difference, 4),
        **{rival: round(score, 4) for rival, score in scored.items()},
        "against": nearest.against,
        "difference": round(nearest.difference, 4),
        "interval": [round(end, 4) for end in nearest.interval],
        "p": round(nearest.p, 4),
        "worse": nearest.interval[1] < 0,
    }


def main() -> None:
    made = parser(__doc__ or "")
    made.add_argument("--data", nargs="+", choices=list(DATA), default=list(DATA))
    made.add_argument("--budget", default="10m")
    given = made.parse_args()
    sets: dict[str, Any] = dict(newest("budget").get("sets", {}))
    for name in given.data:
        with tempfile.TemporaryDirectory() as scratch:
            found = run(name, given.budget, Path(scratch))
            sets[name] = {**found, **against_baselines(name, Path(scratch, "run"))}
        print(name, json.dumps(sets[name]), file=sys.stderr, flush=True)
        emit("budget", CLAIM, {"met": not any(each["worse"] for each in sets.values()), "sets": sets}, save=given.save)


if __name__ == "__main__":
    main()
