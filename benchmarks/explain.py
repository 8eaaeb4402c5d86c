"""Claim: on 200 SST-2 sentences, deleting words by attribution beats deleting random ones (paired, p < 0.01).

    python benchmarks/explain.py [--run RUN] [--train-rows 4000] [--sentences 200] [--share 0.2] [--draws 20] [--seed 0]

Deletion test: of each sentence the --share of the words with the highest attribution is deleted, and as many
random ones, in --draws draws; how far the probability of the predicted label falls is compared sentence by
sentence, by the one-sided Wilcoxon signed-rank test. The same with [MASK] in the place of a word, both to find
the attribution and to test it. Without --run the embedded MiniLM is trained on --train-rows rows for one epoch.
--save keeps the result. Last line: one JSON object.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np
from common import emit, parser, rows, shared
from scipy import stats

import whet
from whet.records import Attribution
from whet.score import occlusion
from whet.score.occlusion import Span, without

CLAIM = "on 200 SST-2 sentences, deleting words by attribution beats deleting random ones (paired, p < 0.01)"
ALPHA = 0.01

Change = Callable[[str, Span], str]


def masked(text: str, span: Span) -> str:
    """The text with a mask in the place of a word."""
    return f"{text[: span[0]]}[MASK]{text[span[1] :]}"


CHANGES: dict[str, Change] = {"removed": without, "masked": masked}


def changed(text: str, spans: Sequence[Span], change: Change) -> str:
    """Several words changed, from the last on, so that the places of the others stay."""
    for span in sorted(spans, reverse=True):
        text = change(text, span)
    return text


def sentences(count: int, seed: int) -> list[str]:
    """Of the test side, at least five words each."""
    texts, _ = rows("sst2", "test")
    long = [text for text in texts if len(text.split()) >= 5]
    generator = np.random.Generator(np.random.PCG64(seed))
    return [long[i] for i in generator.permutation(len(long))[:count]]


def drops(run: whet.Run, found: Attribution, picks: Sequence[Sequence[int]], change: Change) -> list[float]:
    """How far the probability of the explained label falls for each choice of words."""
    spans = [word[:2] for word in found.words]
    texts = [found.text, *(changed(found.text, [spans[i] for i in pick], change) for pick in picks)]
    assert found.label is not None
    whole, *others = [answer.probabilities[found.label] for answer in run.predict(texts)]
    return [whole - other for other in others]


def test(run: whet.Run, found: Sequence[Attribution], change: Change, options: argparse.Namespace) -> dict[str, object]:
    """The drop of each sentence by attribution and its mean over random draws, and whether they differ."""
    generator = np.random.Generator(np.random.PCG64(options.seed + 1))
    ours, chance = [], []
    for each in found:
        weights = np.array([weight for *_, weight in each.words])
        count = max(1, round(options.share * len(weights)))
        random = [generator.permutation(len(weights))[:count].tolist() for _ in range(options.draws)]
        first, *rest = drops(run, each, [np.argsort(-weights, kind="stable")[:count].tolist(), *random], change)
        ours.append(first)
        chance.append(float(np.mean(rest)))
    p = float(stats.wilcoxon(ours, chance, alternative="greater").pvalue)
    more = int((np.array(ours) > np.array(chance)).sum())
    return {"attribution": round(float(np.mean(ours)), 4), "random": round(float(np.mean(chance)), 4),
            "sentences_that_fall_further": more, "p": p}  # fmt: skip


def trained(options: argparse.Namespace, folder: Path) -> whet.Run:
    data = shared("data") / "sst2"
    return whet.train(
        str(data / "train.parquet"), test=str(data / "test.parquet"), label_names=str(data / "labels.json"),
        model="embedded", train_rows=options.train_rows, max_length=128, epochs=1.0, learning_rate=1e-4, yes=True,
        output=str(folder / "run"), baseline=False,
    )  # fmt: skip


def main() -> None:
    arguments = parser(__doc__ or "")
    arguments.add_argument("--run", default=None)
    arguments.add_argument("--train-rows", type=int, default=4_000)
    arguments.add_argument("--sentences", type=int, default=200)
    arguments.add_argument("--share", type=float, default=0.2)
    arguments.add_argument("--draws", type=int, default=20)
    arguments.add_argument("--seed", type=int, default=0)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        run = whet.load(options.run) if options.run else trained(options, Path(scratch))
        texts = sentences(options.sentences, options.seed)
        run.predict(texts)  # so that nothing is loaded in the times below
        started = time.perf_counter()
        run.predict(texts)
        predicted = time.perf_counter() - started
        results: dict[str, dict[str, object]] = {}
        for name, change in CHANGES.items():
            started = time.perf_counter()
            with patch.object(occlusion, "without", change):
                found = run.explain(texts)
            seconds = time.perf_counter() - started
            results[name] = {"seconds": round(seconds, 2)}
            for by, how in CHANGES.items():
                results[name][f"tested_{by}"] = test(run, found, how, options)
            print(name, results[name], flush=True)
        accuracy = run.metrics["test"]["accuracy"]
    ours = results["removed"]["tested_removed"]
    assert isinstance(ours, dict)
    emit(
        "explain",
        CLAIM,
        {
            "met": ours["p"] < ALPHA, **results, "accuracy": accuracy, "train_rows": options.train_rows,
            "sentences": options.sentences, "share": options.share, "draws": options.draws, "seed": options.seed,
            "predict_seconds": round(predicted, 2),
        },
        save=options.save,
    )  # fmt: skip


if __name__ == "__main__":
    main()
