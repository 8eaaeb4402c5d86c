"""What a request to /predict says, checked, and what the answers look like, for OpenAPI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from whet.errors import did_you_mean
from whet.labels import LabelSet
from whet.server.batcher import Text
from whet.server.limits import Limits
from whet.server.refusals import Refusal


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class One(_Strict):
    """One text, or pair of texts."""

    text: str
    text2: str | None = Field(default=None, description="The second text, of a model of pairs.")
    explain: bool = Field(default=False, description="Which words speak for the answer, and which against it.")
    label: str | None = Field(default=None, description="The label to explain; otherwise that of the answer.")


class Many(_Strict):
    """Several texts, or pairs of them."""

    texts: Annotated[list[str], Field(min_length=1, max_length=Limits().texts)]
    texts2: list[str] | None = Field(default=None, description="The second texts, of a model of pairs.")
    explain: bool = Field(default=False, description="Which words speak for the answers; of 8 texts at most.")
    label: str | None = Field(default=None, description="The label to explain; otherwise that of each answer.")


class Weight(BaseModel):
    """What leaving out this part of a text takes from the log-odds of the label, of a regression from the number."""

    start: int
    end: int
    weight: float


class Answer(BaseModel):
    """As `whet predict --json` has it. Which keys there are hangs on the task: label and score; labels; or value."""

    text: str
    text2: str | None = None
    label: str | None = None
    score: float | None = None
    labels: list[str] | None = None
    value: float | None = None
    probabilities: dict[str, float] | None = None
    truncated: bool
    explained: str | None = None
    words: list[Weight] | None = None
    words2: list[Weight] | None = None


class Answers(BaseModel):
    predictions: list[Answer]


class Labels(BaseModel):
    """What a client has to know of the model."""

    task: str
    labels: list[str]
    positive: str | None
    pair: bool = Field(description="Whether it takes pairs of texts.")
    thresholds: dict[str, float] = Field(description="Of several labels: from which probability each is answered.")
    min_confidence: float | None = Field(description="Below which the label is null, for unsure.")
    version: str
    texts: int = Field(description="How many a request may have,")
    explained: int = Field(description="and how many of one that asks for explanations.")
    report: bool = Field(description="Whether there is a /report.")


class _Error(BaseModel):
    code: str
    message: str
    request_id: str


class Refused(BaseModel):
    error: _Error


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to /predict."""

    texts: Sequence[Text]
    is_one: bool
    explain: bool
    label: str | None


def asked(document: Any, labels: LabelSet, limits: Limits, *, pair: bool) -> Asked:
    """What a body asks for. Raises Refusal for one that makes no sense or too much."""
    if not isinstance(document, dict):
        raise Refusal("invalid", "The body is not an object with text or texts.")
    given = document.get("texts")
    kind = One if "texts" not in document else Many
    if isinstance(given, list) and len(given) > limits.texts:
        raise Refusal("too_many_texts", f"There are more than {limits.texts} texts.")
    if given == []:
        raise Refusal("empty", "texts is an empty list.")
    try:
        found: One | Many = kind.model_validate(document)
    except ValidationError as fault:
        raise _refusal(fault, kind) from None
    first, second = _columns(found)
    if found.explain and len(first) > limits.explained:
        raise Refusal("too_many_texts", f"There are more than {limits.explained} texts to explain.")
    if found.label is not None and (not found.explain or labels.kind == "value" or found.label not in labels.names):
        why = "label stands without explain." if not found.explain else "The model has no such label: see /labels."
        raise Refusal("unknown_label", why)
    name = "texts2" if kind is Many else "text2"
    if pair != (second is not None):
        raise Refusal("invalid", f"The model takes pairs: {name} is missing." if pair else
                      f"The model takes single texts: {name} is one too many.")  # fmt: skip
    if second is None:
        return Asked(first, kind is One, found.explain, found.label)
    if len(first) != len(second):
        raise Refusal("invalid", "texts and texts2 are not of the same number.")
    return Asked(list(zip(first, second, strict=True)), kind is One, found.explain, found.label)


def _columns(found: One | Many) -> tuple[list[str], list[str] | None]:
    if isinstance(found, Many):
        return found.texts, found.texts2
    return [found.text], None if found.text2 is None else [found.text2]


def _refusal(fault: ValidationError, kind: type[BaseModel]) -> Refusal:
    """The first thing that is wrong, by its place. Of a key that is not known only what may have been meant."""
    found = fault.errors(include_url=False, include_context=False, include_input=False)
    first = next((each for each in found if each["type"] == "extra_forbidden"), found[0])
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = ", ".join(kind.model_fields)
        meant = did_you_mean(str(first["loc"][-1]), kind.model_fields)
        return Refusal("unknown_key", f"A key is not known. Known are {known}.{f' {meant}?' if meant else ''}")
    return Refusal("invalid", f"{place}: {first['msg'][:1].lower()}{first['msg'][1:]}.")
