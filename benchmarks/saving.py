"""Claim: checkpoints cost less than 5 % of the training time at the default interval.

    python benchmarks/saving.py [--model embedded bert-base] [--minutes 5] [--threads N] [--save]

Each model trains on SST-2 for some minutes after its first step, with the settings of whet: the embedded
encoder, and a random one of BERT-base's shape, whose checkpoints have 1.2 GB. The time in which the
training waits for a checkpoint (its state, writing, flushing, reading it back, removing the oldest) is
summed up, as a share of the time from the first step to the last. Beside it the median time of a step in
the ten seconds after a checkpoint and of all others, for the disk may still be busy then.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from common import emit, parser, rows

ROWS = 40_000
AFTER = 10.0  # seconds after a checkpoint


def bert_base(folder: Path) -> str:
    """A random encoder of BERT-base's shape, with the tokenizer of the embedded one."""
    import torch
    from transformers import BertConfig, BertModel

    from whet.model import embedded
    from whet.model.encoder import load_tokenizer

    tokenizer = load_tokenizer(embedded.folder())
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=len(tokenizer))).save_pretrained(folder)
    return str(folder)


def train(model: str, data: Path, minutes: float, threads: int | None) -> dict[str, Any]:
    import whet
    from whet.training.keeper import Keeper

    saves: list[tuple[float, float]] = []  # when it began, and what it took
    real = Keeper.save

    def save(*given: Any) -> None:
        began = time.perf_counter()
        real(*given)
        saves.append((began, time.perf_counter() - began))

    Keeper.save = save  # type: ignore[method-assign]
    steps: list[tuple[float, float]] = []  # when it ended, and what it took
    settings: dict[str, Any] = {"baseline": False, "test": "none", "validation": "none", "yes": True, "epochs": 20.0}
    with tempfile.TemporaryDirectory() as scratch:
        before = 0.0
        course = whet.steps(str(data), model=model, output=f"{scratch}/run", threads=threads, quiet=True, **settings)
        for record in course:
            steps.append((time.perf_counter(), record.train_seconds - before))
            before = record.train_seconds
            if steps[-1][0] - steps[0][0] > 60 * minutes:
                break
        course.close()  # type: ignore[attr-defined]  # a generator
        sizes = [path.stat().st_size for path in Path(scratch, "run", "checkpoints").rglob("*") if path.is_file()]
    Keeper.save = real  # type: ignore[method-assign]
    whole = steps[-1][0] - steps[0][0]
    near = [took for at, took in steps[1:] if any(0 <= at - began - cost < AFTER for began, cost in saves)]
    far = [took for at, took in steps[1:] if not any(0 <= at - began - cost < AFTER for began, cost in saves)]
    return {
        "share": round(sum(cost for _, cost in saves) / whole, 4),
        "seconds": round(whole, 1),
        "saves": [round(cost, 2) for _, cost in saves],
        "kept_mb": round(sum(sizes) / 1e6),
        "step_after_a_save_s": round(median(near), 3) if near else None,
        "step_s": round(median(far), 3),
        "steps": len(steps),
    }


def main() -> None:
    made = parser(__doc__ or "", rounds=1)
    made.add_argument("--model", nargs="+", choices=("embedded", "bert-base"), default=["embedded", "bert-base"])
    made.add_argument("--minutes", type=float, default=5.0)
    made.add_argument("--threads", type=int)
    given = made.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["WHET_CACHE"] = f"{scratch}/cache"
        texts, labels = rows("sst2")
        data = Path(scratch, "train.jsonl")
        lines = [json.dumps({"text": text, "label": str(label)}) for text, label in zip(texts, labels, strict=True)]
        data.write_text("\n".join(lines[:ROWS]) + "\n", encoding="utf-8")
        for name in given.model:
            model = name if name == "embedded" else bert_base(Path(scratch, "bert-base"))
            found[name] = train(model, data, given.minutes, given.threads)
            print(name, found[name], file=sys.stderr, flush=True)
    met = all(each["saves"] and each["share"] < 0.05 for each in found.values())
    emit("saving", "a save costs less than 5 % of the training time", {"met": met, **found}, save=given.save)


if __name__ == "__main__":
    main()
