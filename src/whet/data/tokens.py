"""Texts, or pairs of texts, to token ids: encoded some at a time, cut to length or divided into sequences of that
length, kept flat on disk, cached by content.

Uses the tokenizers library alone, so that looking at tokens needs neither torch nor transformers.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from whet.data import cuts
from whet.data.batches import counts_of
from whet.data.clean import clean_text
from whet.disk import durable
from whet.errors import ModelError
from whet.records import Bools, Encoded, Ints
from whet.settings.config import Truncation

CHUNK_ROWS = 2_000
CHUNK_CHARACTERS = 1_000_000  # some 50 MB while the tokenizer holds them
FORMAT = 2  # of the cache; a new number makes old entries unused
HEAD_CHARACTERS = 5.5  # a token; 1 of 2,000 English reviews has fewer tokens in as many characters


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
    """Ids after every text, such as [SEP]; of a pair, after the second."""
    word_by_word: bool = False
    """Whether the tokens of a word never depend on what stands before or after the spaces around it."""
    middle: tuple[int, ...] | None = None
    """Ids between the two texts of a pair; None: it cuts single texts."""
    typed: bool = False
    """Whether the tokenizer gives what comes after `middle` another type, as BERT's does."""
    most_chunks: int = cuts.MOST_CHUNKS
    """How many sequences a text may have where longer ones are divided."""

    @property
    def body_length(self) -> int:
        """Tokens of the text itself that fit; of a pair, of both."""
        return self.max_length - len(self.prefix) - len(self.middle or ()) - len(self.suffix)

    @property
    def seen_length(self) -> int:
        """Tokens of the text itself that a model sees of a long one; of a pair, of both."""
        return self.body_length * (self.most_chunks if self.truncation == "chunks" else 1)

    def likely_tokens(self, texts: Sequence[str], pairs: Sequence[str] | None) -> Ints:
        """How many tokens a model sees of each text, or pair [B], guessed from its length."""
        return cuts.likely_tokens(texts, pairs, most=self.seen_length + self.max_length - self.body_length)

    def encode(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> tuple[list[list[int]], list[bool]]:
        """Ids of each text, or pair of texts, with its special tokens, and whether it was cut. Those of all sequences
        of a text stand end to end."""
        encoded = encode_in_memory(texts, self, pairs)
        starts = encoded.offsets if encoded.documents is None else encoded.offsets[encoded.documents]
        rows = np.split(encoded.ids, starts[1:-1]) if texts else []
        return [row.tolist() for row in rows], encoded.truncated.tolist()

    def shown(self, *texts: str) -> tuple[list[int], list[bool]]:
        """All ids of a text, or of both of a pair, with the special tokens of each sequence, and which of them a
        model sees."""
        bodies = [coded.ids for coded in self.whole(texts)]
        if self.truncation == "chunks":
            return self._shown_chunks(bodies[0])
        rooms = [self.body_length]
        if len(bodies) == 2:
            rooms = cuts.longest_first(np.array([[len(body) for body in bodies]]), self.body_length)[0].tolist()
        ids, kept = [*self.prefix], [True] * len(self.prefix)
        for after, body, room in zip((self.middle or (), self.suffix)[-len(bodies) :], bodies, rooms, strict=True):
            spans = self.kept_positions(len(body), room)
            seen = set(spans) if isinstance(spans, range) else {*spans[0], *spans[1]}
            ids += [*body, *after]
            kept += [i in seen for i in range(len(body))] + [True] * len(after)
        return ids, kept

    def _shown_chunks(self, body: list[int]) -> tuple[list[int], list[bool]]:
        ids: list[int] = []
        kept: list[bool] = []
        for chunk in cuts.chunks(len(body), self.body_length, most=self.most_chunks):
            ids += [*self.prefix, *body[chunk.start : chunk.stop], *self.suffix]
            kept += [True] * (len(self.prefix) + len(chunk) + len(self.suffix))
        rest = body[self.seen_length :]
        return [*ids, *rest], [*kept, *[False] * len(rest)]

    def bodies(self, texts: Sequence[str]) -> list[Encoding]:
        """What the tokenizer makes of each text, without special tokens and uncut; of a long text
        perhaps only a beginning that has more tokens than are kept."""
        cleaned = [clean_text(text) for text in texts]
        heads = [self._head(text) for text in cleaned]
        coded = self._coded(heads)
        both = enumerate(zip(heads, cleaned, strict=True))
        short = [i for i, (head, text) in both if len(head) < len(text) and len(coded[i]) <= self.body_length]
        for i, whole in zip(short, self._coded([cleaned[i] for i in short]), strict=True):
            coded[i] = whole
        return coded

    def whole(self, texts: Sequence[str]) -> list[Encoding]:
        """What the tokenizer makes of the whole of each text, without special tokens."""
        return self._coded([clean_text(text) for text in texts])

    def laid_out(self, bodies: Sequence[Encoding], seconds: Sequence[Encoding] | None = None) -> Encoded:
        """Their ids end to end, cut, each with its special tokens; those of a pair in one sequence."""
        if seconds is not None:
            return self._laid_out_pairs(bodies, seconds)
        if self.truncation == "chunks":
            return self._laid_out_chunks(bodies)
        flat = array("I")
        room = self.body_length
        counts = np.array([len(body) for body in bodies], dtype=np.int64)
        for body, count in zip(bodies, counts.tolist(), strict=True):
            flat.fromlist([*self.prefix, *(self._cut(body.ids, room) if count > room else body.ids), *self.suffix])
        return _encoded(
            np.frombuffer(flat, np.uint32), np.minimum(counts, room) + self.max_length - room, counts > room
        )

    def _laid_out_chunks(self, bodies: Sequence[Encoding]) -> Encoded:
        assert self.middle is None, "pairs of texts are not divided"
        flat = array("I")
        lengths: list[int] = []
        counts: list[int] = []
        for body in bodies:
            ids, chunks = body.ids, cuts.chunks(len(body), self.body_length, most=self.most_chunks)
            for chunk in chunks:
                flat.fromlist([*self.prefix, *ids[chunk.start : chunk.stop], *self.suffix])
                lengths.append(len(chunk) + self.max_length - self.body_length)
            counts.append(len(chunks))
        cut = np.array([len(body) > self.seen_length for body in bodies], dtype=np.bool_)
        encoded = _encoded(np.frombuffer(flat, np.uint32), np.array(lengths, np.int64), cut)
        return replace(encoded, documents=_documents(np.array(counts, np.int64)))

    def _laid_out_pairs(self, bodies: Sequence[Encoding], seconds: Sequence[Encoding]) -> Encoded:
        assert self.middle is not None, "the tokenizer was read for single texts"
        flat = array("I")
        counts = np.array([[len(a), len(b)] for a, b in zip(bodies, seconds, strict=True)], dtype=np.int64)
        counts = counts.reshape(len(bodies), 2)
        kept = cuts.longest_first(counts, self.body_length)
        for a, b, (first, second) in zip(bodies, seconds, kept.tolist(), strict=True):
            ids = self._cut(a.ids, first), self._cut(b.ids, second)
            flat.fromlist([*self.prefix, *ids[0], *self.middle, *ids[1], *self.suffix])
        lengths = kept.sum(axis=1) + self.max_length - self.body_length
        cut: Bools = kept.sum(axis=1) < counts.sum(axis=1)
        encoded = _encoded(np.frombuffer(flat, np.uint32), lengths, cut)
        return replace(encoded, seconds=kept[:, 0] + len(self.prefix) + len(self.middle) if self.typed else None)

    def kept_positions(self, length: int, room: int | None = None) -> range | tuple[range, range]:
        """Which of `length` body tokens stay where there is room for so many; else for `body_length`."""
        room = self.body_length if room is None else room
        if self.truncation == "chunks":
            return range(min(length, self.seen_length))
        return cuts.kept(length, room, self.truncation)

    def _head(self, text: str) -> str:
        """A beginning of a long text that ends before a space, where such an end changes no token."""
        most = int(self.body_length * HEAD_CHARACTERS)
        # How a pair shares its room hangs on how long both texts are.
        if not self.word_by_word or self.truncation != "head" or self.middle is not None or len(text) <= most:
            return text
        return text[: text.rfind(" ", 0, most)] if " " in text[:most] else text

    def _coded(self, texts: list[str]) -> list[Encoding]:
        with _panics_told():
            coded: list[Encoding] = self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return coded

    def _cut(self, body: list[int], room: int) -> list[int]:
        kept = self.kept_positions(len(body), room)
        if isinstance(kept, range):
            return body[kept.start : kept.stop]
        head, tail = kept
        return body[head.start : head.stop] + body[tail.start : tail.stop]


def load_cutter(tokenizer_json: Path, *, max_length: int, truncation: Truncation, pair: bool = False) -> Cutter:
    """Reads a tokenizer.json for single texts or for pairs. Truncation and padding that the file asks for are
    switched off: a file made for another task often cuts at 128 tokens in silence.

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
    prefix, middle, suffix, typed = _special_tokens(tokenizer, pair=pair)
    specials = len(prefix) + len(middle or ()) + len(suffix)
    if max_length <= specials:
        raise ModelError(
            f"max_length {max_length} leaves no room for text beside {specials} special tokens",
            where=str(tokenizer_json),
        )
    fingerprint = hashlib.sha256(content).hexdigest()
    whole_words = _is_word_by_word(tokenizer)
    return Cutter(tokenizer, fingerprint, max_length, truncation, prefix, suffix, whole_words, middle, typed)


def encode_to_disk(texts: Sequence[str], cutter: Cutter, cache: Path, pairs: Sequence[str] | None = None) -> Encoded:
    """Token ids of all texts, or of all pairs of texts, as a memory map under `cache`, made once per content.

    Ids are written chunk by chunk, so memory does not grow with the rows: uint16 where the
    vocabulary allows, else uint32. An entry appears whole or not at all.
    """
    folder = cache / "tokens" / _key(texts, cutter, pairs)
    if durable.damage(folder):
        _write(texts, cutter, folder, pairs)
    return _open(folder)


def encode_in_memory(texts: Sequence[str], cutter: Cutter, pairs: Sequence[str] | None = None) -> Encoded:
    """The same ids without touching the disk, for prediction."""
    made = list(_encode(texts, cutter, pairs))
    if len(made) == 1:
        return made[0]
    lengths = [np.diff(chunk.offsets) for chunk in made]
    none = np.zeros(0, np.int64)
    encoded = _encoded(
        np.concatenate([none.astype(np.uint32), *(chunk.ids for chunk in made)]),
        np.concatenate([none, *lengths]),
        np.concatenate([none.astype(np.bool_), *(chunk.truncated for chunk in made)]),
    )
    seconds = _joined(chunk.seconds for chunk in made) if cutter.typed else None
    return replace(encoded, seconds=seconds, documents=_documents(np.concatenate([none, *map(counts_of, made)])))


def _encoded(ids: NDArray[np.generic], lengths: Ints, truncated: Bools) -> Encoded:
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return Encoded(ids, offsets, truncated)


def _documents(counts: Ints) -> Ints | None:
    """The first sequence of each text, and the end, by how many each has; None where each has one."""
    return None if (counts == 1).all() else np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


def _joined(seconds: Iterable[Ints | None]) -> Ints:
    return np.concatenate([np.zeros(0, np.int64), *(part for part in seconds if part is not None)])


def _encode(texts: Sequence[str], cutter: Cutter, pairs: Sequence[str] | None = None) -> Iterator[Encoded]:
    """Chunk by chunk. The tokenizer, which needs no interpreter, works on the next chunk while one
    is laid out."""

    def bodies(rows: range) -> tuple[list[Encoding], list[Encoding] | None]:
        part = slice(rows.start, rows.stop)
        return cutter.bodies(texts[part]), None if pairs is None else cutter.bodies(pairs[part])

    assert (pairs is None) == (cutter.middle is None), "a tokenizer is read for single texts or for pairs"
    waiting = _spans(texts, pairs)
    with ThreadPoolExecutor(1) as worker:
        first = next(waiting, None)
        coming = None if first is None else worker.submit(bodies, first)
        while coming is not None:
            found = coming.result()
            following = next(waiting, None)
            coming = None if following is None else worker.submit(bodies, following)
            yield cutter.laid_out(*found)


def _is_word_by_word(tokenizer: Tokenizer) -> bool:
    """BERT's own way: words end at white space and are looked up one by one."""
    parts = (tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.model)
    kinds = tuple(type(part).__name__ for part in parts)
    added = [token.content for token in tokenizer.get_added_tokens_decoder().values()]
    return kinds == ("BertNormalizer", "BertPreTokenizer", "WordPiece") and not any(
        char.isspace() for content in added for char in content
    )


@contextmanager
def _panics_told() -> Iterator[None]:
    """What the tokenizers library cannot do ends as a panic, which is no Exception: here as ModelError."""
    try:
        yield
    except BaseException as fault:
        if type(fault).__name__ != "PanicException":
            raise
        saw = f"the tokenizer fails at a text: {str(fault)[:120]}"
        raise ModelError(saw, where="tokenizer.json", todo="Use a model with another tokenizer") from None


def _special_tokens(
    tokenizer: Tokenizer, *, pair: bool
) -> tuple[tuple[int, ...], tuple[int, ...] | None, tuple[int, ...], bool]:
    """Ids that the tokenizer puts before a text, between the two of a pair, and after, and whether all from the
    second text on have another type."""
    with _panics_told():
        coded = tokenizer.encode("a", "a" if pair else None, add_special_tokens=True)
    body = [i for i, special in enumerate(coded.special_tokens_mask) if not special]
    first, last = (body[0], body[-1]) if body else (len(coded.ids), len(coded.ids) - 1)
    middle, typed = None, False
    if pair:
        parts = [[i for i in body if coded.sequence_ids[i] == side] for side in (0, 1)]
        starts = parts[0][-1] + 1, parts[1][0]
        middle = tuple(coded.ids[starts[0] : starts[1]])
        typed = coded.type_ids == [0] * starts[1] + [1] * (len(coded.ids) - starts[1])
    return tuple(coded.ids[:first]), middle, tuple(coded.ids[last + 1 :]), typed


def chunks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """What a tokenizer is given at a time: at most CHUNK_ROWS rows, and no more once they have CHUNK_CHARACTERS."""
    return (texts[span.start : span.stop] for span in _spans(texts, None))


def _spans(texts: Sequence[str], pairs: Sequence[str] | None) -> Iterator[range]:
    """The rows of each chunk."""
    start = characters = 0
    seconds = repeat("") if pairs is None else pairs
    for end, (text, second) in enumerate(zip(texts, seconds, strict=False), start=1):
        characters += len(text) + len(second)
        if end - start == CHUNK_ROWS or characters >= CHUNK_CHARACTERS or end == len(texts):
            yield range(start, end)
            start, characters = end, 0


def _key(texts: Sequence[str], cutter: Cutter, pairs: Sequence[str] | None) -> str:
    kind = "" if pairs is None else " pairs"
    kind += f" {cutter.most_chunks}" if cutter.truncation == "chunks" else ""
    digest = hashlib.sha256(f"{FORMAT} {cutter.fingerprint} {cutter.max_length} {cutter.truncation}{kind}".encode())
    for text in chain(texts, pairs or ()):
        raw = text.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(8, "little"))
        digest.update(raw)
    return digest.hexdigest()[:32]


def _write(texts: Sequence[str], cutter: Cutter, folder: Path, pairs: Sequence[str] | None) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    dtype = np.uint16 if cutter.tokenizer.get_vocab_size() <= 2**16 else np.uint32
    scratch = Path(tempfile.mkdtemp(prefix=durable.SCRATCH, dir=folder.parent))
    try:
        lengths, truncated = [np.zeros(0, np.int64)], [np.zeros(0, np.bool_)]
        seconds: list[Ints | None] = []
        counts = [np.zeros(0, np.int64)]
        with (scratch / "ids.bin").open("wb") as file:
            for chunk in _encode(texts, cutter, pairs):
                chunk.ids.astype(dtype).tofile(file)
                lengths.append(np.diff(chunk.offsets))
                truncated.append(chunk.truncated)
                seconds.append(chunk.seconds)
                counts.append(counts_of(chunk))
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(lengths))])
        np.save(scratch / "offsets.npy", offsets)
        np.save(scratch / "truncated.npy", np.concatenate(truncated))
        if (documents := _documents(np.concatenate(counts))) is not None:
            np.save(scratch / "documents.npy", documents)
        if cutter.typed:
            np.save(scratch / "seconds.npy", _joined(seconds))
        meta = {"format": FORMAT, "dtype": np.dtype(dtype).name, "rows": len(texts), "tokens": int(offsets[-1])}
        (scratch / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
        durable.seal(scratch)
        try:
            scratch.replace(folder)
        except OSError:
            if durable.damage(folder):  # else another process was first with the same content
                shutil.rmtree(folder, ignore_errors=True)
                scratch.replace(folder)
        durable.flush_folder(folder.parent)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _open(folder: Path) -> Encoded:
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    ids = np.memmap(folder / "ids.bin", dtype=meta["dtype"], mode="r") if meta["tokens"] else np.zeros(0, np.uint16)
    seconds, documents = folder / "seconds.npy", folder / "documents.npy"
    return Encoded(
        ids,
        np.load(folder / "offsets.npy"),
        np.load(folder / "truncated.npy"),
        np.load(seconds) if seconds.exists() else None,
        np.load(documents) if documents.exists() else None,
    )
