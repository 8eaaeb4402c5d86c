"""LabelSet: label names and their ids, their order fixed once for training, files and servers."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from whet.errors import DataError, UsageError, did_you_mean, quoted

Task = Literal["binary", "multiclass", "multilabel", "regression"]
Kind = Literal["one", "several", "value"]
"""What a row has: one label, any number of labels, or a number."""

# Names of a positive class, lower-case; a binary label found here is the positive one. Ordered:
# of two labels that both stand here, the earlier entry wins.
POSITIVE_NAMES = (
    "positive", "pos", "긍정", "긍정적", "yes", "true", "1", "spam", "스팸", "toxic", "hate", "혐오",
    "offensive", "악성", "fraud", "good", "like", "good review", "참", "예", "네", "y", "t", "+", "relevant",
    "paraphrase", "duplicate", "entailment", "acceptable", "fake", "sarcastic", "sarcasm",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LabelSet:
    """C label names; the id of a name is its position.

    `positive` is the class that precision, recall and F1 speak of in a binary task, with the
    reason why it was taken; both are None and '' for more than two classes.
    """

    names: tuple[str, ...]
    positive: str | None
    positive_reason: str
    kind: Kind = "one"
    """`value`: the one name is that of the column."""

    def __len__(self) -> int:
        return len(self.names)

    @property
    def task(self) -> Task:
        if self.kind != "one":
            return "multilabel" if self.kind == "several" else "regression"
        return "binary" if len(self.names) == 2 else "multiclass"

    @property
    def positive_id(self) -> int | None:
        return None if self.positive is None else self.names.index(self.positive)

    def ids(self, labels: Iterable[str], *, source: str) -> list[int]:
        """Ids of label names. Names that training never saw raise DataError with their counts."""
        known = {name: i for i, name in enumerate(self.names)}
        labels = list(labels)
        strange: dict[str, int] = {}
        for label in labels:
            if label not in known:
                strange[label] = strange.get(label, 0) + 1
        if strange:
            listed = ", ".join(
                f"{quoted(name)} ({count} row{'s' if count > 1 else ''})" for name, count in strange.items()
            )
            raise DataError(
                f"labels that the training side lacks: {listed}",
                where=source,
                expected=f"only {', '.join(quoted(n) for n in self.names)}",
                todo="Add rows with these labels to the training data or drop them here",
            )
        return [known[label] for label in labels]


def label_set(
    labels: Iterable[str], *, positive: str | None, source: str, order: Sequence[str] = (), kind: Kind = "one"
) -> LabelSet:
    """The label set of the training labels.

    Order: as in `order` where given (the user's label names), else whole numbers by value, else
    names by code point; in a binary task the positive class then comes second. Of several labels a row one
    suffices; fewer than two raise DataError otherwise. Of a value the only name is that of its column.
    """
    present = set(labels)
    if kind != "one" and positive is not None:
        raise UsageError(
            f"--positive {positive} with {'several labels a row' if kind == 'several' else 'numbers'}",
            expected="two labels: a positive class belongs to a binary task",
            todo="Leave out --positive",
        )
    if kind != "one" and present:
        return LabelSet(tuple(_ordered(present, order)), None, "", kind)
    if len(present) < 2:
        only = ", ".join(quoted(name) for name in sorted(present)) or "none"
        raise DataError(
            f"only one label in the training rows: {only}" if present else "no labels in the training rows",
            where=source,
            expected="two labels or more, so that there is something to tell apart",
            todo="Add rows of another class, or name another column with --label",
        )
    names = _ordered(present, order)
    if len(names) != 2:
        if positive is not None:
            raise UsageError(
                f"--positive {positive} with {len(names)} labels",
                expected="two labels: a positive class belongs to a binary task",
                todo="Leave out --positive; every class is scored on its own",
            )
        return LabelSet(tuple(names), None, "")
    chosen, reason = _positive(names, positive)
    if not order and names[0] == chosen:
        names.reverse()
    return LabelSet(tuple(names), chosen, reason)


def _ordered(present: Collection[str], order: Sequence[str]) -> list[str]:
    return [name for name in order if name in present] if order else sorted(present, key=_by_value)


def read_label_names(given: str) -> dict[str, str]:
    """`--label-names`: label in the data to name. Takes a JSON file (a list, {"labels": [...]} or an
    object), a text file with a name a line, or names after commas, each `name` or `label=name`.

    Bare names stand for the labels '0', '1', ... in order.
    """
    if given.endswith((".json", ".txt")):
        path = Path(given)
        if not path.is_file():
            raise UsageError(f"no such file: {given}", where="--label-names", expected="a .json or .txt file of names")
        if path.suffix == ".json":
            return _names_from_json(path)
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except UnicodeDecodeError as fault:
            raise UsageError(f"not UTF-8: {fault}", where=f"--label-names {given}") from None
        return _numbered([line for line in lines if line], given)
    parts = [part.strip() for part in given.split(",")]
    if any("=" in part for part in parts):
        if not all("=" in part for part in parts):
            raise UsageError(
                f"{given!r} mixes names and label=name", where="--label-names", expected="one form for all"
            )
        pairs = [[side.strip() for side in part.split("=", 1)] for part in parts]
        named = dict(pairs)
        if len(named) != len(pairs) or not all(named.values()):
            raise UsageError(
                f"an empty name or a repeated label in {given!r}",
                where="--label-names",
                expected="a name for each label",
            )
        return named
    return _numbered(parts, given)


def rename(labels: Sequence[str], names: Mapping[str, str], *, source: str) -> tuple[str, ...]:
    """Labels under their given names. A label that has no name raises DataError; labels that already are names, and
    not all of them labels too, stay as they are."""
    if not names:
        return tuple(labels)
    if set(labels) <= set(names.values()) and not set(labels) <= set(names):
        return tuple(labels)
    missing = sorted({label for label in labels if label not in names}, key=_by_value)
    if missing:
        raise DataError(
            f"no name is given for the label{'s' if len(missing) > 1 else ''} "
            + ", ".join(quoted(label) for label in missing[:10]),
            where=source,
            expected="a name for each label; given were " + ", ".join(f"{k}={v}" for k, v in list(names.items())[:10]),
            todo="Write --label-names " + ",".join(f"{label}=NAME" for label in missing[:3]),
        )
    return tuple(names[label] for label in labels)


def _numbered(names: Sequence[str], given: str) -> dict[str, str]:
    if not names or len(set(names)) != len(names) or not all(names):
        raise UsageError(f"empty or repeated names in {given!r}", where="--label-names", expected="distinct names")
    return {str(i): name for i, name in enumerate(names)}


def _names_from_json(path: Path) -> dict[str, str]:
    try:
        loaded = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as fault:
        raise UsageError(f"not JSON: {fault}", where=f"--label-names {path}") from None
    if isinstance(loaded, dict) and isinstance(loaded.get("labels"), list):
        loaded = loaded["labels"]
    if isinstance(loaded, list) and loaded and all(isinstance(name, str) for name in loaded):
        return _numbered(loaded, str(path))
    if isinstance(loaded, dict) and loaded and all(isinstance(name, str) for name in loaded.values()):
        return {str(label): name for label, name in loaded.items()}
    raise UsageError(
        "no label names in this file",
        where=f"--label-names {path}",
        expected='["neg", "pos"], {"labels": ["neg", "pos"]} or {"0": "neg", "1": "pos"}',
    )


def _once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """An object, each of whose keys stands once. Of two, JSON's reader takes the last in silence."""
    named = dict(pairs)
    if len(named) < len(pairs):
        twice = next(key for index, (key, _) in enumerate(pairs) if key in dict(pairs[:index]))
        raise ValueError(f"the key {quoted(twice)} stands twice")
    return named


def _positive(names: Sequence[str], asked: str | None) -> tuple[str, str]:
    if asked is not None:
        if asked not in names:
            raise UsageError(
                f"no label {quoted(asked)}",
                where="--positive",
                expected=" or ".join(quoted(name) for name in names),
                todo=did_you_mean(asked, names),
            )
        return asked, "given"
    for known in POSITIVE_NAMES:
        for name in names:
            if unicodedata.normalize("NFC", name).strip().lower() == known:  # macOS takes folder names apart
                return name, "by its name"
    return names[1], "the second of two labels without a known name; --positive chooses"


def _by_value(name: str) -> tuple[int, float, str]:
    """Sort key: whole numbers by value first, then names by code point."""
    try:
        return (0, int(name), name)
    except ValueError:
        return (1, 0, name)
