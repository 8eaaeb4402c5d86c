"""A prediction as JSON knows it: what `predict --json` writes and the server answers."""

from __future__ import annotations

from whet.records import Attribution, Prediction


def prediction_document(answer: Prediction) -> dict[str, object]:
    """A prediction as JSON knows it; logits only where they were asked for."""
    document: dict[str, object] = {"text": answer.text}
    if answer.text2 is not None:
        document["text2"] = answer.text2
    if answer.value is not None:
        document["value"] = answer.value
    elif answer.labels is not None:
        document |= {"labels": list(answer.labels), "probabilities": dict(answer.probabilities)}
    else:
        document |= {"label": answer.label, "score": answer.score, "probabilities": dict(answer.probabilities)}
    document["truncated"] = answer.truncated
    if answer.attribution is not None:
        document |= _attribution(answer.attribution)
    if answer.logits is not None:
        document["logits"] = list(answer.logits)
    return document


def _attribution(found: Attribution) -> dict[str, object]:
    document: dict[str, object] = {} if found.label is None else {"explained": found.label}
    for name, words in (("words", found.words), ("words2", found.words2)):
        if name == "words" or found.text2 is not None:
            document[name] = [{"start": start, "end": end, "weight": weight} for start, end, weight in words]
    return document
