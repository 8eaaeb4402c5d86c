"""Claim: a million rows train and predict in less than 400 MB above the start, 2 GB of rows in less than 600 MB.

    python benchmarks/memory.py [--rows 1000000] [--steps 10] [--rounds 1] [--form jsonl|csv] [--save]
    python benchmarks/memory.py --gigabytes 2 --form csv --max-length 16 --width 32 [--save]

A file of short made-up texts (mean 55 characters, two labels) is written to a temporary folder; with
--gigabytes one of so many 10^9 bytes, of texts as long as film reviews (mean 800 characters). Two
new processes then work on it, each with a random BERT of 2 layers, 128 wide unless --width says
otherwise, and the vocabulary of the embedded model: `whet.train` on all rows for a few steps with
1 in 1,000 rows as test side and without the TF-IDF baseline (its matrix of word pairs grows with
the rows), and `whet predict --file` of all rows to a jsonl file.

Start: the resident memory of the process when every module that the job uses is imported and a
model of this shape is loaded. Above the start: the highest resident memory from there to the end of
the job (VmHWM, reset at the start) less the start; pages of the token file that are mapped are in
it. Linux only. Each round is the same; figures are medians in MB (10^6 bytes), by stage for training.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from common import emit, parser

WORDS = """the a film story plot acting music was is very quite not never wonderful awful boring moving
fine we you they it and but though""".split()  # noqa: SIM905  a list would be a column of quotes
SYLLABLES = [first + vowel + last for first in "bdfgklmnprst" for vowel in "aeiou" for last in ("", "n", "r", "st")]


def status(name: str) -> float:
    """A figure of this process in MB: VmRSS now, VmHWM the highest since the reset."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name + ":"))
    return int(line.split()[1]) * 1024 / 1e6


def reset_highest() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def write_rows(path: Path, rows: int, size: float) -> int:
    """So many rows or, where `size` is not 0, rows of so many bytes together. Returns how many there are."""
    draw = random.Random(0)
    # Of sentences with words of their own: texts of a few words alone are all nearly equal to each other.
    words = [*WORDS, *("".join(draw.choices(SYLLABLES, k=draw.randint(1, 3))) for _ in range(5_000))]
    sentences = [" ".join(draw.choices(words, k=draw.randint(6, 20))) + "." for _ in range(5_000)]
    parts, least, most = (sentences, 5, 13) if size else (WORDS, 6, 14)
    row = written = 0
    with path.open("w", encoding="utf-8") as file:
        file.write("text,label\n" if path.suffix == ".csv" else "")
        while written < size if size else row < rows:
            text = " ".join(draw.choices(parts, k=draw.randint(least, most))) + f" {row}"
            label = draw.choice(("negative", "positive"))
            line = f"{text},{label}" if path.suffix == ".csv" else json.dumps({"text": text, "label": label})
            file.write(line + "\n")
            row, written = row + 1, written + len(line) + 1
    return row


def write_model(folder: Path, width: int) -> None:
    import torch
    from transformers import BertConfig, BertModel

    from whet.model import embedded
    from whet.model.encoder import load_tokenizer

    torch.manual_seed(0)
    sizes = {"hidden_size": width, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 4 * width}
    BertModel(BertConfig(**sizes)).save_pretrained(folder)
    load_tokenizer(embedded.folder()).save_pretrained(folder)


def started(model: Path) -> float:
    """Imports what the job uses, loads the model, and gives the memory that is the start."""
    import pyarrow.parquet  # noqa: F401
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    import whet.cli.app
    import whet.jobs.finetune
    import whet.prediction.predictor  # noqa: F401

    kept = AutoModelForSequenceClassification.from_pretrained(model), AutoTokenizer.from_pretrained(model)
    start = status("VmRSS")
    del kept
    reset_highest()
    return start


def train(data: Path, model: Path, output: Path, epochs: float, max_length: int) -> dict[str, float]:
    """MB above the start, in all and by stage (each at its highest)."""
    start = started(model)
    from whet import pipeline
    from whet.records import Stage
    from whet.settings.config import resolve

    resolved = resolve(
        {
            "model": str(model), "output": str(output), "test": "0.001", "validation": "none", "baseline": False,
            "epochs": epochs, "threads": 1, "max_length": max_length, "yes": True,
        }
    )  # fmt: skip
    highest: dict[str, float] = {}
    stage = "check"
    for event in pipeline.follow(str(data), resolved):
        highest[stage] = max(highest.get(stage, 0.0), status("VmHWM") - start)
        if isinstance(event, Stage):
            print(stage, f"{highest[stage]:.0f} MB, {time.process_time():.0f} s", file=sys.stderr)
            stage = event.name
            reset_highest()
    return {"train": max(highest.values()), **{f"train: {stage}": value for stage, value in highest.items()}}


def predict(data: Path, model: Path, output: Path) -> dict[str, float]:
    start = started(model)
    from whet.cli import main

    code = main(["predict", str(output), "--file", str(data), "--output", str(output / "all.jsonl"), "--quiet"])
    assert code == 0
    return {"predict": status("VmHWM") - start}


def measure(job: str, *arguments: object) -> dict[str, float]:
    command = [sys.executable, __file__, job, *map(str, arguments)]
    found: dict[str, float] = json.loads(subprocess.check_output(command, text=True).splitlines()[-1])
    return found


def main() -> None:
    options = parser(__doc__ or "", rounds=1)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--steps", type=int, default=10)
    options.add_argument("--form", choices=("jsonl", "csv"), default="jsonl")
    options.add_argument("--gigabytes", type=float, default=0.0)
    options.add_argument("--max-length", type=int, default=512)
    options.add_argument("--width", type=int, default=128)
    arguments = options.parse_args()
    rounds: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as scratch:
        data, model = Path(scratch) / f"rows.{arguments.form}", Path(scratch) / "model"
        rows = write_rows(data, arguments.rows, arguments.gigabytes * 1e9)
        size = data.stat().st_size
        write_model(model, arguments.width)
        for number in range(arguments.rounds):
            output = Path(scratch) / f"run-{number}"
            found = measure("train", data, model, output, arguments.steps * 16 / rows, arguments.max_length)
            rounds.append(found | measure("predict", data, model, output))
            print(json.dumps(rounds[-1]), flush=True)
    highest = {name: round(median(each[name] for each in rounds), 1) for name in rounds[0]}
    result = {"rows": rows, "form": arguments.form, "bytes": size, "megabytes_above_start": highest}
    most, name = (600, "memory_large") if arguments.gigabytes else (400, "memory")
    met = max(highest["train"], highest["predict"]) < most
    emit(name, f"less than {most} MB above the start", {"met": met, **result}, save=arguments.save)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["train", data, model, output, epochs, max_length]:
            print(json.dumps(train(Path(data), Path(model), Path(output), float(epochs), int(max_length))))
        case ["predict", data, model, output]:
            print(json.dumps(predict(Path(data), Path(model), Path(output))))
        case _:
            main()
