"""Claim: on a CPU whet predicts faster than transformers' pipeline and ONNX Runtime, on long and on short texts.

MiniLM with two labels, whole texts to probabilities, tokenising included. Aims: on long texts 3.4 times
the rate of the pipeline with batches of 8, 1.8 times that of the pipeline one by one and 1.05 times that
of ONNX Runtime in fp32 at its best; on short texts 2, 4.5 and 1.1 times.

Texts: long are IMDB test reviews cut at 512 tokens, short are SST-2 test sentences. ONNX Runtime runs
the model exported by torch.onnx, its texts sorted by length and padded to the longest of a batch; the
best of batches of 1, 8 and 32 in a first round takes part in the others. All run in one process, with
all cores, and take turns; answers are compared before anything is timed. The share of the matrix rate is
that of whet's median, tokenising among it; aim 0.8.

    python benchmarks/predict_cpu.py --save
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import alternate, emit, medians, parser, rows
from train_cpu import arithmetic, matrix_rate

from whet.system import machine

LONG, SHORT, SEED = 64, 512, 0
AIMS = {
    "long": {"pipeline-8": 3.4, "pipeline-1": 1.8, "onnxruntime": 1.05},
    "short": {"pipeline-8": 2.0, "pipeline-1": 4.5, "onnxruntime": 1.1},
}

Answer = Callable[[Sequence[str]], np.ndarray]
"""Texts to the probability of the second label."""


def model_folder(folder: Path) -> Path:
    """MiniLM with a random head, saved as a training would."""
    from whet.artifacts import artifact
    from whet.data.tokens import load_cutter
    from whet.labels import LabelSet
    from whet.model.classifier import Classifier
    from whet.model.encoder import load_pretrained
    from whet.model.files import find

    files, labels = find("embedded"), LabelSet(("negative", "positive"), "positive", "")
    model, _ = load_pretrained(files, labels, layers=None)
    cutter = load_cutter(files.folder / "tokenizer.json", max_length=512, truncation="head")
    classifier = Classifier(model, device="cpu", seed=SEED)
    artifact.save(folder, classifier, cutter, labels, source=files.folder, card="")
    return folder


def whet_answer(folder: Path) -> Answer:
    from whet.prediction import predictor

    loaded = predictor.load(folder)
    return lambda texts: np.array([answer.probabilities["positive"] for answer in loaded.predict(texts)])


def pipeline_answer(folder: Path, batch: int) -> Answer:
    from transformers import pipeline

    made = pipeline("text-classification", model=str(folder), top_k=None, batch_size=batch, device="cpu")

    def answer(texts: Sequence[str]) -> np.ndarray:
        found = made(list(texts), truncation=True)
        return np.array([next(one["score"] for one in each if one["label"] == "positive") for each in found])

    return answer


def onnx_answer(folder: Path, file: Path, batch: int) -> Answer:
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = machine.free_cores()
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(512)
    tokenizer.no_padding()

    def answer(texts: Sequence[str]) -> np.ndarray:
        coded = [one.ids for one in tokenizer.encode_batch(list(texts))]
        order = sorted(range(len(coded)), key=lambda row: len(coded[row]))
        out = np.zeros(len(coded))
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            longest = max(len(coded[row]) for row in chosen)
            ids, mask = np.zeros((2, len(chosen), longest), np.int64)
            for place, row in enumerate(chosen):
                ids[place, : len(coded[row])] = coded[row]
                mask[place, : len(coded[row])] = 1
            (logits,) = session.run(None, {"input_ids": ids, "attention_mask": mask})
            out[chosen] = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
        return out

    return answer


def export(folder: Path, file: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(folder, attn_implementation="sdpa").eval()
    # Two tensors: one that is given twice becomes one input of the graph, and the other is ignored.
    ids, mask = (torch.ones(2, 9, dtype=torch.int64) for _ in range(2))
    axes: Any = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length")}
    torch.onnx.export(
        model, kwargs={"input_ids": ids, "attention_mask": mask}, f=str(file), dynamo=True,
        input_names=["input_ids", "attention_mask"], output_names=["logits"],
        dynamic_shapes={"input_ids": axes, "attention_mask": axes},
    )  # fmt: skip


def share(folder: Path, texts: Sequence[str], seconds: float) -> float:
    """Of the rate of matrix products now, in `seconds` for all texts."""
    from whet.artifacts import artifact

    loaded = artifact.load(folder, device="cpu")
    lengths = np.array([len(ids) for ids in loaded.cutter.encode(texts)[0]])
    config = loaded.classifier.model.config
    return arithmetic(config, lengths) / 3 / seconds / matrix_rate(config.hidden_size)


def measure(rivals: dict[str, Answer], texts: Sequence[str], rounds: int) -> dict[str, list[float]]:
    """Texts per second of each, after their answers were found equal."""
    expected = next(iter(rivals.values()))(texts)
    for name, answer in rivals.items():
        gap = float(np.abs(answer(texts) - expected).max())
        if gap > 1e-4:
            raise SystemExit(f"{name} answers differently, by {gap:.2g}")

    def timed(answer: Answer) -> Callable[[], float]:
        def run() -> float:
            started = time.perf_counter()
            answer(texts)
            return len(texts) / (time.perf_counter() - started)

        return run

    return alternate({name: timed(answer) for name, answer in rivals.items()}, rounds)


def main() -> None:
    given = parser(__doc__ or "").parse_args()
    generator = np.random.default_rng(SEED)
    kinds = {}
    for kind, data, count in (("long", "imdb", LONG), ("short", "sst2", SHORT)):
        every = rows(data, "test")[0]
        kinds[kind] = [every[row] for row in generator.permutation(len(every))[:count]]
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder, file = model_folder(Path(scratch) / "model"), Path(scratch) / "model.onnx"
        whet = whet_answer(folder)  # first, so that it sets up the process as it does for its users
        export(folder, file)
        pipelines = {f"pipeline-{batch}": pipeline_answer(folder, batch) for batch in (1, 8)}
        onnx = {f"onnxruntime-{batch}": onnx_answer(folder, file, batch) for batch in (1, 8, 32)}
        for kind, texts in kinds.items():
            tried = medians(measure({"whet": whet, **onnx}, texts, 1))
            best = max(onnx, key=lambda name: tried[name])
            figures = measure({"whet": whet, **pipelines, "onnxruntime": onnx[best]}, texts, given.rounds)
            middle = medians(figures)
            result[kind] = {
                "texts_per_second": {name: round(value, 2) for name, value in middle.items()},
                "rounds": {name: [round(value, 2) for value in values] for name, values in figures.items()},
                "onnxruntime_best": best,
                "share_of_matrix_rate": round(share(folder, texts, len(texts) / middle["whet"]), 3),
                "ratio": {name: round(middle["whet"] / middle[name], 2) for name in AIMS[kind]},
                "aims": AIMS[kind],
            }
            print(kind, result[kind], file=sys.stderr, flush=True)
    emit("predict_cpu", "whet / rival, texts per second of prediction on a CPU", result, save=given.save)


if __name__ == "__main__":
    main()
