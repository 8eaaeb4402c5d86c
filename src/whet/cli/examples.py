"""Commands as somebody would give them, at the end of each --help."""

from __future__ import annotations

from collections.abc import Mapping

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "demo": ("whet demo", "whet demo --lang ko"),
    "check": (
        "whet check reviews.csv",
        "whet check reviews.csv --text review --label stars --fix clean.csv",
        "whet check reviews.csv --tokens 0 --max-length 64",
    ),
    "plan": ("whet plan reviews.csv", "whet plan reviews.csv --model embedded --epochs 4 --budget 20m"),
    "train": (
        "whet train reviews.csv",
        "whet train reviews.csv --model embedded --epochs 4 --learning-rate 2e-4",
        "whet train reviews.csv --test more.csv --budget 20m",
        "whet train --recipe imdb-bert-base --require-gpu",
    ),
    "adapt": (
        "whet adapt embedded unlabelled.csv",
        "whet adapt embedded reviews.parquet more.txt --budget 1h",
        "whet adapt last more.txt --epochs 3",
    ),
    "tune": (
        "whet tune reviews.csv --trials 20",
        "whet tune reviews.csv --model embedded --budget 1h",
        "whet tune reviews.csv --search learning_rate=1e-5..3e-4:log --search epochs=1,2,3",
    ),
    "evaluate": (
        "whet evaluate last more.csv",
        'whet evaluate last more.csv --require "accuracy>=0.90" --output may',
    ),
    "predict": (
        'whet predict last "The acting was superb."',
        "whet predict last --file new.csv --output answers.csv",
        "whet predict last < texts.txt",
        'whet predict last "The acting was superb." --explain',
    ),
    "compare": ("whet compare runs/OLD runs/NEW", "whet compare runs/OLD runs/NEW --require not-worse"),
    "export": (
        "whet export last",
        "whet export runs/NAME --output to-the-server --no-int8",
        "whet export last --hub me/reviews",
    ),
    "serve": ("whet serve last", "whet serve last --port 8080 --workers 4 --threads 1"),
    "doctor": ("whet doctor", "whet doctor last"),
}


def epilog(command: str) -> str:
    """The examples of a command, below their heading."""
    return "\n".join(["Examples", *(f"  {line}" for line in EXAMPLES[command])])
