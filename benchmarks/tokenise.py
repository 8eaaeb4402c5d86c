"""Claim: texts become ids on disk at 90 % or more of the rate of `encode_batch` alone, IMDB and SST-2.

    python benchmarks/tokenise.py [--rounds 5] [--imdb-rows 4000] [--sst2-rows 40000] [--save]

Rivals, each from a list of texts in memory, the tokenizer of the embedded model, no cached entry:
`encode_batch` of the tokenizers library (its result is thrown away), transformers' tokenizer called
with truncation, whet's `encode_to_disk` (cache key and files included) at the max_length of the job
(IMDB 512, SST-2 128), the same without giving it only the beginning of long texts, and IMDB at 256.
Figures are rows a second, medians of the rounds.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from common import alternate, emit, medians, parser, rows, timed

from whet.data.tokens import Cutter, encode_to_disk, load_cutter
from whet.model import embedded
from whet.model.encoder import load_tokenizer


def to_disk(texts: Sequence[str], cutter: Cutter) -> Callable[[], object]:
    def run() -> None:
        with tempfile.TemporaryDirectory() as scratch:
            encode_to_disk(texts, cutter, Path(scratch))

    return run


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("--imdb-rows", type=int, default=4_000)
    options.add_argument("--sst2-rows", type=int, default=40_000)
    arguments = options.parse_args()
    folder = embedded.folder()
    stock = load_tokenizer(folder)
    results = {}
    for name, count, max_length in (("imdb", arguments.imdb_rows, 512), ("sst2", arguments.sst2_rows, 128)):
        texts = rows(name)[0][:count]
        cutter = load_cutter(folder / "tokenizer.json", max_length=max_length, truncation="head")
        short = load_cutter(folder / "tokenizer.json", max_length=256, truncation="head")
        rivals = {
            "encode_batch": timed(lambda: cutter.tokenizer.encode_batch(texts)),  # noqa: B023  called in this turn
            "transformers": timed(lambda: stock(texts, truncation=True, max_length=max_length)),  # noqa: B023
            "whet": timed(to_disk(texts, cutter)),
            "whet, whole texts": timed(to_disk(texts, dataclasses.replace(cutter, word_by_word=False))),
        }
        if name == "imdb":
            rivals["whet, 256 tokens"] = timed(to_disk(texts, short))
        middle = medians(alternate(rivals, arguments.rounds))
        rates = {rival: round(len(texts) / seconds, 1) for rival, seconds in middle.items()}
        ratios = {rival: round(rate / rates["encode_batch"], 3) for rival, rate in rates.items()}
        results[name] = {"rows": len(texts), "max_length": max_length, "rows_per_second": rates, "ratio": ratios}
        print(f"{name}: {ratios}", flush=True)
    met = all(result["ratio"]["whet"] >= 0.9 for result in results.values())
    emit("tokenise", "at least 0.9 of encode_batch", {"met": met, **results}, save=arguments.save)


if __name__ == "__main__":
    main()
