"""Claim: where training rows are few, 100 steps beat two epochs.

    python benchmarks/few_labels.py [--data sst2,ag_news,imdb] [--sizes 16,32,64,128,200] [--seeds 3] [--methods 'A;B']

The embedded MiniLM, rows drawn by class, another draw and another head for each seed; every method is
given the same rows and is scored on the same --test-rows of the test side. Texts are cut at --max-length
tokens. "mean probe" and "contrastive" stand on the mean of the last states, which the saved model, a plain
BERT with a head on its first token, could not hold: they tell what there would be to gain. --save keeps
what was found, seed by seed, beside what was kept earlier on the day. Last line: one JSON object.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

import numpy as np
import torch
from common import emit, parser, rows, saved_today
from torch import Tensor, nn
from torch.nn import functional as F

from whet.data.batches import gather
from whet.data.tokens import encode_in_memory, load_cutter
from whet.labels import LabelSet
from whet.model.classifier import Classifier
from whet.model.encoder import load_pretrained
from whet.model.files import find
from whet.records import Encoded, Floats, Ints, StepRecord
from whet.training import loop

CLAIM = "where training rows are few, 100 steps beat two epochs"
BATCH = 16


@dataclass(frozen=True, slots=True)
class Task:
    """One draw of rows, ready for every method."""

    train_texts: list[str]
    train: Encoded
    labels: Ints
    test_texts: list[str]
    test: Encoded
    answers: Ints
    classes: int
    seed: int

    def accuracy(self, scores: Floats) -> float:
        return float((scores.argmax(axis=1) == self.answers).mean())


def draw(labels: Sequence[int], count: int, seed: int) -> list[int]:
    """Numbers of `count` rows, each class as often as any other, but for one."""
    ids = np.asarray(labels)
    generator = np.random.Generator(np.random.PCG64(seed))
    shuffled = {c: generator.permutation(np.flatnonzero(ids == c)).tolist() for c in np.unique(ids)}
    classes = generator.permutation(list(shuffled)).tolist()
    return [shuffled[classes[i % len(classes)]].pop() for i in range(count)]


def fresh(task: Task) -> Classifier:
    """The encoder with a head of this seed."""
    torch.manual_seed(task.seed)
    names = LabelSet(tuple(map(str, range(task.classes))), None, "")
    model, _ = load_pretrained(find("embedded"), names, layers=None)
    return Classifier(model, device="cpu", seed=task.seed)


def trained(made: Classifier, task: Task, *, epochs: float, rate: float = 5e-5, llrd: float = 1.0) -> Floats:
    """Test logits after a training with the plain settings, but for these."""
    recipe = loop.Recipe(epochs, BATCH, rate, 0.01, 0.06, 1.0, task.seed, llrd=llrd)
    for record in loop.Training(made, task.train, task.labels, recipe).records():
        assert isinstance(record, StepRecord), record
    return made.all_logits(task.test)


def plain(task: Task) -> Floats:
    return trained(fresh(task), task, epochs=2.0)


def steps(count: int, *, rate: float = 5e-5, llrd: float = 1.0, probed: bool = False) -> Callable[[Task], Floats]:
    """At least so many steps, from a head that is fitted first where it is `probed` (LP-FT, Kumar et al. 2022)."""

    def run(task: Task) -> Floats:
        made = fresh(task)
        if probed:
            fit_head(made, task)
        per_epoch = -(-len(task.train) // BATCH)
        return trained(made, task, epochs=max(2.0, count / per_epoch), rate=rate, llrd=llrd)

    return run


def head_alone(task: Task) -> Floats:
    made = fresh(task)
    fit_head(made, task)
    return made.all_logits(task.test)


def last_linear(made: Classifier) -> nn.Linear:
    return [part for part in made.model.modules() if isinstance(part, nn.Linear)][-1]


def head_inputs(made: Classifier, encoded: Encoded) -> Floats:
    """What the last linear layer is given for each text [B, D]."""
    found: list[Tensor] = []
    made.model.eval()
    handle = last_linear(made).register_forward_pre_hook(lambda _, given: found.append(given[0].detach()))
    order = []
    with torch.inference_mode():
        for first in range(0, len(encoded), 64):
            batch = gather(encoded, np.arange(first, min(first + 64, len(encoded))), None)
            made.logits(batch)
            order.append(batch.rows)
    handle.remove()
    out = np.zeros((len(encoded), found[0].shape[-1]))
    out[np.concatenate(order)] = torch.cat(found).double().numpy()
    return out


def logistic(features: Floats, labels: Ints, classes: int, strength: float = 1.0) -> tuple[Floats, Floats]:
    """Weights [C, D] and biases [C] of a logistic regression on standardised features, for the plain ones."""
    from sklearn.linear_model import LogisticRegression

    centre, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
    spread = np.full_like(spread, np.sqrt((spread**2).mean()))  # one scale: directions keep their weight
    found = LogisticRegression(C=strength, max_iter=1000).fit((features - centre) / spread, labels)
    weights, biases = found.coef_, found.intercept_
    if classes == 2:
        weights, biases = np.concatenate([-weights, weights]) / 2, np.concatenate([-biases, biases]) / 2
    weights = weights / spread
    return weights, biases - weights @ centre


def fit_head(made: Classifier, task: Task) -> None:
    weights, biases = logistic(head_inputs(made, task.train), task.labels, task.classes)
    layer = last_linear(made)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weights))
        layer.bias.copy_(torch.from_numpy(biases))


# ---------------------------------------------------------------- sentence embeddings


def embeddings(encoder: Any, encoded: Encoded) -> Floats:
    """Mean-pooled, of unit length [B, D]."""
    encoder.eval()
    out = []
    with torch.inference_mode():
        for first in range(0, len(encoded), 64):
            out.append(pooled(encoder, encoded, range(first, min(first + 64, len(encoded)))))
    return torch.cat(out).double().numpy()


def pooled(encoder: Any, encoded: Encoded, rows_: Sequence[int]) -> Tensor:
    texts = [
        torch.from_numpy(np.asarray(encoded.ids[encoded.offsets[i] : encoded.offsets[i + 1]], np.int64)) for i in rows_
    ]
    ids = nn.utils.rnn.pad_sequence(texts, batch_first=True)
    mask = nn.utils.rnn.pad_sequence([torch.ones_like(text) for text in texts], batch_first=True)
    states = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    return F.normalize((states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True), dim=-1)


def mean_probe(task: Task) -> Floats:
    return probed_embeddings(fresh(task).model.base_model, task)


def probed_embeddings(encoder: Any, task: Task) -> Floats:
    weights, biases = logistic(embeddings(encoder, task.train), task.labels, task.classes)
    return embeddings(encoder, task.test) @ weights.T + biases


def contrastive(count: int) -> Callable[[Task], Floats]:
    """As SetFit (Tunstall et al. 2022) does it: pairs of one class are to have the cosine 1, others 0; then a
    logistic regression on the embeddings."""

    def run(task: Task) -> Floats:
        model = fresh(task).model
        model.set_attn_implementation("sdpa")
        encoder = model.base_model
        encoder.train()
        generator = np.random.Generator(np.random.PCG64(task.seed))
        optimizer = torch.optim.AdamW(encoder.parameters(), lr=2e-5, weight_decay=0.01)
        by_class = [np.flatnonzero(task.labels == c) for c in range(task.classes)]
        for step in range(count):
            for group in optimizer.param_groups:
                group["lr"] = 2e-5 * min(1.0, (step + 1) / (0.1 * count)) * (1 - step / count)
            same = generator.random(BATCH) < 0.5
            left = generator.integers(len(task.labels), size=BATCH)
            right = []
            for row, alike in zip(left, same, strict=True):
                own = task.labels[row]
                other = own if alike else generator.choice([c for c in range(task.classes) if c != own])
                right.append(int(generator.choice(by_class[other])))
            both = pooled(encoder, task.train, [*left.tolist(), *right])
            cosine = (both[:BATCH] * both[BATCH:]).sum(-1)
            loss = F.mse_loss(cosine, torch.from_numpy(same.astype(np.float32)))
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        return probed_embeddings(encoder, task)

    return run


def tfidf(task: Task) -> Floats:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    learnt = LogisticRegression(C=10.0, max_iter=1000).fit(vectors.fit_transform(task.train_texts), task.labels)
    return learnt.predict_proba(vectors.transform(task.test_texts))


METHODS: dict[str, Callable[[Task], Floats]] = {
    "tfidf": tfidf,
    "plain": plain,
    "steps 100": steps(100),
    "steps 200": steps(200),
    "steps 400": steps(400),
    "steps 100 at 1e-4": steps(100, rate=1e-4),
    "steps 200 at 1e-4": steps(200, rate=1e-4),
    "steps 100 at 2e-4, 0.8 a layer": steps(100, rate=2e-4, llrd=0.8),
    "head alone": head_alone,
    "head then steps 100": steps(100, probed=True),
    "head then steps 100 at 1e-4": steps(100, rate=1e-4, probed=True),
    "mean probe": mean_probe,
    "contrastive 100": contrastive(100),
}


def main() -> None:
    arguments_of = parser(__doc__ or "", rounds=1)
    arguments_of.add_argument("--data", default="sst2,ag_news,imdb")
    arguments_of.add_argument("--sizes", default="16,32,64,128,200")
    arguments_of.add_argument("--methods", default=";".join(METHODS))
    arguments_of.add_argument("--seeds", type=int, default=3)
    arguments_of.add_argument("--test-rows", type=int, default=1000)
    arguments_of.add_argument("--max-length", type=int, default=128)
    arguments_of.add_argument("--threads", type=int, default=1)
    given = arguments_of.parse_args()
    torch.set_num_threads(given.threads)
    methods = given.methods.split(";")
    found: dict[str, dict[str, dict[str, float]]] = saved_today("few_labels").get("accuracy", {}) if given.save else {}
    cutter = load_cutter(find("embedded").folder / "tokenizer.json", max_length=given.max_length, truncation="head")
    for name in given.data.split(","):
        texts, labels = rows(name, "train10k" if name == "ag_news" else "train")
        test_texts, test_labels = rows(name, "test")
        chosen = draw(test_labels, given.test_rows, 0)
        test_texts, answers = [test_texts[i] for i in chosen], np.asarray([test_labels[i] for i in chosen])
        test = encode_in_memory(test_texts, cutter)
        for size in map(int, given.sizes.split(",")):
            for seed in range(given.seeds):
                drawn = draw(labels, size, seed + 1)
                train_texts = [texts[i] for i in drawn]
                ids = np.asarray([labels[i] for i in drawn], np.int64)
                train = encode_in_memory(train_texts, cutter)
                task = Task(train_texts, train, ids, test_texts, test, answers, len(set(labels)), seed)
                for method in methods:
                    started = time.perf_counter()
                    accuracy = task.accuracy(METHODS[method](task))
                    print(
                        f"{name} {size} seed {seed} {method}: {accuracy:.3f} {time.perf_counter() - started:.0f} s",
                        flush=True,
                    )
                    found.setdefault(f"{name} {size}", {}).setdefault(method, {})[str(seed)] = round(accuracy, 4)
    means = {
        task: {method: round(mean(seeds.values()), 4) for method, seeds in row.items()} for task, row in found.items()
    }
    emit("few_labels", CLAIM, {"accuracy": found, "means": means}, save=given.save)


if __name__ == "__main__":
    main()
