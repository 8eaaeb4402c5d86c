"""explanations.json: which words the worst answers to the test rows hang on."""

from __future__ import annotations

import numpy as np

from whet.records import Examples, Ints, WordWeight
from whet.score.mistakes import MOST_EXPLAINED, tokens_to_explain
from whet.score.occlusion import Answering, Texts, attributions, shared_out, word_spans

NAME = "explanations.json"


def document(predictor: Answering, test: Examples, wrong: Ints, tokens: Ints, trained: int) -> dict[str, object]:
    """The content of the file: as many of the `wrong` rows of `test`, in their order, as a small part of the
    training's work explains. `tokens` [B] are those of the test rows, `trained` those trained on."""
    rows = wrong[:MOST_EXPLAINED].tolist()
    both = [(test.texts[row],) if test.pairs is None else (test.texts[row], test.pairs[row]) for row in rows]
    copies = [1 + sum(map(len, shared_out([word_spans(text) for text in parts]))) for parts in both]
    work = np.cumsum([tokens[row] * count for row, count in zip(rows, copies, strict=True)])
    explained = int((work <= tokens_to_explain(trained)).sum())
    texts: Texts = [parts[0] if len(parts) == 1 else parts for parts in both[:explained]]
    found = attributions(predictor, texts)
    return {
        "format": 1,
        "wrong": len(wrong),
        "explained": explained,
        "rows": [
            {
                "row_id": test.row_ids[row],
                "place": test.places[row],
                "text": each.text,
                **({} if each.text2 is None else {"text2": each.text2}),
                "label": each.label,
                "words": _words(each.words),
                **({} if each.text2 is None else {"words2": _words(each.words2)}),
            }
            for row, each in zip(rows, found, strict=False)
        ],
    }


def _words(words: tuple[WordWeight, ...]) -> list[dict[str, float]]:
    return [{"start": start, "end": end, "weight": round(weight, 6)} for start, end, weight in words]
