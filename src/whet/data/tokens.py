"""Texts to token ids: encoded in chunks, cut to length, kept flat on disk, cached by content.

Uses the tokenizers library alone, so that looking at tokens needs neither torch nor transformers.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from whet.config import Truncation
from whet.data.clean import clean_text
from whet.errors import ModelError
from whet.records import Encoded

CHUNK_ROWS = 2_000
FORMAT = 1  # of the cache; a new number makes old entries unused
HEAD_SHARE = 0.25  # of a head-tail cut: 128 of 510 tokens, after Sun et al. 2019, arXiv 1905.05583


@dataclass(frozen=True, slots=True)
class Cutter:
    """A tokenizer together with how texts are cut: what training, prediction and `check` share."""

    tokenizer: Tokenizer
    fingerprint: str
    max_length: int
    truncation: Truncation
    prefix: tuple[int, ...]
    """Ids before every text, such as [CLS]."""
    suffix: tuple[int, ...]
    """Ids after every text, such as [SEP]."""

    @property
    def body_length(self) -> int:
        """Tokens of the text itself that fit."""
        return self.max_length - len(self.prefix) - len(self.suffix)

    def encode(self, texts: Sequence[str]) -> tuple[list[list[int]], list[bool]]:
        """Ids of each text with its special tokens, and whether it was cut."""
        cleaned = [clean_text(text) for text in texts]
        bodies = [coded.ids for coded in self.tokenizer.encode_batch_fast(cleaned, add_special_tokens=False)]
        room = self.body_length
        cut = [len(body) > room for body in bodies]
        kept = [self._cut(body) if long else body for body, long in zip(bodies, cut, strict=True)]
        return [[*self.prefix, *body, *self.suffix] for body in kept], cut

    def kept_positions(self, length: int) -> range | tuple[range, range]:
        """Which of `length` body tokens stay."""
        room = self.body_length
        if length <= room:
            return range(length)
        if self.truncation == "head":
            return range(room)
        head = max(1, round(room * HEAD_SHARE))
        return range(head), range(length - (room - head), length)

    def _cut(self, body: list[int]) -> list[int]:
        kept = self.kept_positions(len(body))
        if isinstance(kept, range):
            return body[kept.start : kept.stop]
        head, tail = kept
        return body[head.start : head.stop] + body[tail.start : tail.stop]


def load_cutter(tokenizer_json: Path, *, max_length: int, truncation: Truncation) -> Cutter:
    """Reads a tokenizer.json. Truncation and padding that the file asks for are switched off: a
    file made for another task often cuts at 128 tokens in silence.

    Raises ModelError for a file that is no tokenizer, or where special tokens fill max_length.
    """
    try:
        content = tokenizer_json.read_bytes()
        tokenizer = Tokenizer.from_str(content.decode("utf-8"))
    except FileNotFoundError:
        raise ModelError("no tokenizer.json", where=str(tokenizer_json.parent)) from None
    except Exception as fault:  # noqa: BLE001  the tokenizers library raises plain Exception
        raise ModelError(f"not a tokenizer: {str(fault)[:120]}", where=str(tokenizer_json)) from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    prefix, suffix = _special_tokens(tokenizer)
    if max_length <= len(prefix) + len(suffix):
        raise ModelError(
            f"max_length {max_length} leaves no room for text beside {len(prefix) + len(suffix)} special tokens",
            where=str(tokenizer_json),
        )
    fingerprint = hashlib.sha256(content).hexdigest()
    return Cutter(tokenizer, fingerprint, max_length, truncation, prefix, suffix)


def encode_to_disk(texts: Sequence[str], cutter: Cutter, cache: Path) -> Encoded:
    """Token ids of all texts as a memory map under `cache`, made once per content.

    Ids are written chunk by chunk, so memory does not grow with the rows: uint16 where the
    vocabulary allows, else uint32. An entry appears whole or not at all.
    """
    folder = cache / "tokens" / _key(texts, cutter)
    if not _is_whole(folder):
        _write(texts, cutter, folder)
    return _open(folder)


def encode_in_memory(texts: Sequence[str], cutter: Cutter) -> Encoded:
    """The same ids without touching the disk, for prediction."""
    ids, cut = cutter.encode(texts)
    offsets = np.zeros(len(ids) + 1, dtype=np.int64)
    np.cumsum([len(row) for row in ids], out=offsets[1:])
    flat = np.fromiter((token for row in ids for token in row), dtype=np.uint32, count=int(offsets[-1]))
    return Encoded(flat, offsets, np.asarray(cut, dtype=np.bool_))


def _special_tokens(tokenizer: Tokenizer) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Ids that the tokenizer puts before and after a text."""
    coded = tokenizer.encode("a", add_special_tokens=True)
    body = [i for i, special in enumerate(coded.special_tokens_mask) if not special]
    first, last = (body[0], body[-1]) if body else (len(coded.ids), len(coded.ids) - 1)
    return tuple(coded.ids[:first]), tuple(coded.ids[last + 1 :])


def _chunks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), CHUNK_ROWS):
        yield texts[start : start + CHUNK_ROWS]


def _key(texts: Sequence[str], cutter: Cutter) -> str:
    digest = hashlib.sha256(f"{FORMAT} {cutter.fingerprint} {cutter.max_length} {cutter.truncation}".encode())
    for text in texts:
        raw = text.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(8, "little"))
        digest.update(raw)
    return digest.hexdigest()[:32]


def _write(texts: Sequence[str], cutter: Cutter, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    dtype = np.uint16 if cutter.tokenizer.get_vocab_size() <= 2**16 else np.uint32
    scratch = Path(tempfile.mkdtemp(prefix="tmp-", dir=folder.parent))
    try:
        lengths: list[int] = []
        truncated: list[bool] = []
        with (scratch / "ids.bin").open("wb") as file:
            for chunk in _chunks(texts):
                ids, cut = cutter.encode(chunk)
                lengths += [len(row) for row in ids]
                truncated += cut
                np.concatenate([np.asarray(row, dtype=dtype) for row in ids]).tofile(file)
        offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        np.save(scratch / "offsets.npy", offsets)
        np.save(scratch / "truncated.npy", np.asarray(truncated, dtype=np.bool_))
        meta = {"format": FORMAT, "dtype": np.dtype(dtype).name, "rows": len(lengths), "tokens": int(offsets[-1])}
        (scratch / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
        try:
            scratch.replace(folder)
        except OSError:
            if not _is_whole(folder):  # else another process was first with the same content
                shutil.rmtree(folder, ignore_errors=True)
                scratch.replace(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _is_whole(folder: Path) -> bool:
    """Whether an entry is there and as long as its meta.json says; a crash may have left less."""
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        offsets = np.load(folder / "offsets.npy", mmap_mode="r")
        truncated = np.load(folder / "truncated.npy", mmap_mode="r")
        size = (folder / "ids.bin").stat().st_size
    except (OSError, EOFError, ValueError):
        return False
    rows, length = meta["rows"], meta["tokens"] * np.dtype(meta["dtype"]).itemsize
    return (len(offsets), len(truncated), size) == (rows + 1, rows, length)


def _open(folder: Path) -> Encoded:
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    ids = np.memmap(folder / "ids.bin", dtype=meta["dtype"], mode="r") if meta["tokens"] else np.zeros(0, np.uint16)
    return Encoded(ids, np.load(folder / "offsets.npy"), np.load(folder / "truncated.npy"))
