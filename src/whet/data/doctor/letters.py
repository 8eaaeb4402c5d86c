"""What stands in the texts beside language: HTML, letters of a wrong encoding, and other scripts than the usual one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from whet.data.doctor.part import Part
from whet.errors import quoted
from whet.records import Finding, Severity
from whet.sentences.bilingual import said

MANY = 0.01
"""Share of rows from which what stands in them is a warning."""

BEGINNING = 200
"""Characters of a text that tell its script."""

SHOWN = 24
"""Characters of an example."""

_HTML = re.compile(
    r"</?(?:a|abbr|article|b|big|blockquote|body|br|center|code|dd|div|dl|dt|em|font|form|h[1-6]|head|hr|html|i|iframe"
    r"|img|input|label|li|link|meta|ol|option|p|pre|q|s|script|section|small|span|strike|strong|style|sub|sup|table"
    r"|tbody|td|th|thead|title|tr|tt|u|ul|video)(?:\s[^<>]*)?/?>|<!--|<!doctype"
    r"|&(?:amp|lt|gt|quot|apos|nbsp|hellip|[lr][sd]quo|[nm]dash|copy|reg|trade|#\d{1,6}|#x[0-9a-f]{1,5});",
    re.IGNORECASE,
)

# UTF-8 that was read as Latin-1 or Windows-1252: a lead byte as a letter, then continuation bytes as the signs
# that those encodings have at 0x80 to 0xBF.
_CONTINUED = "\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_READ_AS_LATIN = re.compile(f"(?:[\xc2-\xdf][{_CONTINUED}]|[\xe0-\xef][{_CONTINUED}]{{2}}|\xf0[{_CONTINUED}]{{3}})+")
_LOST = "\ufffd"
_MAY_BE_LATIN = re.compile("[\xc2-\xf0][\x80-\u3000]")  # a quicker pattern that holds of all that the other one finds
_TWO_HANGUL = re.compile(rb"(?:[\xea-\xed][\x80-\xbf]{2}){2}")  # in UTF-8
_HIGH = re.compile(r"[^\x00-\x7f]+")

# The letters of each script; marks, digits and signs belong to none.
_LETTERS = {
    "Latin": "A-Za-zÀ-ÖØ-öø-ʯḀ-ỿＡ-Ｚａ-ｚ",
    "Hangul": "가-힣ᄀ-ᇿㄱ-ㆎ",
    "Cyrillic": "Ѐ-ԯ",
    "Greek": "Ͱ-Ͽἀ-῿",
    "Han": "㐀-䶿一-鿿豈-﫿𠀀-𮯯",
    "Kana": "ぁ-ヿㇰ-ㇿｦ-ﾟ",
    "Arabic": "ء-يٮ-ۓݐ-ݿ",
    "Hebrew": "א-ת",
    "Devanagari": "ऀ-ॣ",
    "Thai": "ก-ฺเ-ๆ",
}
_SCRIPTS = {name: re.compile(f"[{letters}]") for name, letters in _LETTERS.items()}


def html(part: Part) -> Iterator[Finding]:
    """Tags and character references that were left in texts."""
    kinds: Counter[str] = Counter()
    rows = []
    for i, text in enumerate(part.texts):
        if "<" not in text and "&" not in text:
            continue
        found = _HTML.search(text)
        if found:
            rows.append(i)
            kinds[found[0] if len(found[0]) <= SHOWN else found[0].split()[0] + " …>"] += 1
    if not rows:
        return
    share = len(rows) / len(part.texts)
    facts = {"count": len(rows), "total": len(part.texts), "share": share, "tags": dict(kinds.most_common(3))}
    saw, todo = said(facts, "html"), said(facts, "write what html stands for")
    figures = {"share": share, "first": dict(kinds.most_common(10))}
    yield part.finding("html", _severity(share), len(rows), saw, todo, rows, figures)


def mojibake(part: Part) -> Iterator[Finding]:
    """Letters that a wrong encoding made of others, or that were lost to it."""
    rows, example = [], ""
    for i, text in enumerate(part.texts):
        if text.isascii():
            continue
        seen = garbled(text)
        if seen:
            rows.append(i)
            example = example or seen
    if not rows:
        return
    share = len(rows) / len(part.texts)
    facts = {"count": len(rows), "example": quoted(example, SHOWN), "places": part.first(rows)}
    saw, todo = said(facts, "mojibake"), said(facts, "another encoding")
    yield part.finding("mojibake", _severity(share), len(rows), saw, todo, rows, {"share": share})


def garbled(text: str) -> str:
    """A piece of the text that a wrong encoding made, '' where there is none: U+FFFD, or UTF-8 that was
    read as Latin-1, Windows-1252 or CP949."""
    if _LOST in text:
        at = text.index(_LOST)
        return text[max(0, at - 8) : at + 8]
    if _MAY_BE_LATIN.search(text):
        for found in _READ_AS_LATIN.finditer(text):
            if _meant(found[0]):
                return found[0]
    if not _TWO_HANGUL.search(text.encode("cp949", "ignore")):
        return ""  # as nearly always: what CP949 has for Hangul is hardly ever UTF-8
    return next(filter(_read_as_cp949, _HIGH.findall(text)), "")


def _meant(run: str) -> bool:
    """Whether the letters are UTF-8 read byte by byte, and of letters that people write."""
    raw = bytearray()
    for char in run:
        try:
            raw += char.encode("cp1252") if ord(char) > 0xFF else char.encode("latin-1")
        except UnicodeEncodeError:
            return False
    try:
        letters = raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    first = letters[0]
    if len(letters) == 1 and "\u0080" <= first <= "\u07ff":
        return "\u00a0" <= first <= "\u00ff"  # Ã© for é; other pairs also stand side by side in good text
    return all(char.isprintable() or char.isspace() or char in "\u200b\u200d\ufeff\ufe0f" for char in letters)


def _read_as_cp949(piece: str) -> bool:
    """Whether the bytes that CP949 has for these letters are UTF-8 of Hangul, but for lost ones."""
    letters = piece.encode("cp949", "ignore").decode("utf-8", "replace")
    hangul = sum("가" <= char <= "힣" for char in letters)
    return hangul >= 2 and 3 * hangul >= 2 * len(letters)


def scripts(part: Part) -> Iterator[Finding]:
    """Rows in another script than most: another language, which a model may not know."""
    kinds: Counter[str] = Counter()
    others: dict[str, list[int]] = {}
    name = ""
    for i, text in enumerate(part.texts):
        name = script(text, likely=name)
        if name:
            kinds[name] += 1
            others.setdefault(name, []).append(i)
    if len(kinds) < 2:
        return
    usual = kinds.most_common(1)[0][0]
    rows = sorted(i for name, found in others.items() if name != usual for i in found)
    share = len(rows) / len(part.texts)
    mix = dict(kinds.most_common())
    facts = {"share": share, "usual": usual, "scripts": mix, "places": part.first(rows)}
    saw, todo = said(facts, "scripts"), said(facts, "know the languages")
    severity: Severity = "warning" if share >= 0.05 else "info"
    yield part.finding("scripts", severity, len(rows), saw, todo, rows, {"share": share, "rows": mix})


def script(text: str, likely: str = "") -> str:
    """The script of most letters at a text's beginning, '' where there are none. Han beside kana is
    Japanese. `likely` is tried first, which is quicker."""
    beginning = text[:BEGINNING]
    if beginning.isascii():
        return "Latin" if any(map(str.isalpha, beginning)) else ""
    if likely and likely != "Han" and 2 * len(_SCRIPTS[likely].findall(beginning)) > len(beginning):
        return likely
    counts: Counter[str] = Counter()
    for char, count in Counter(beginning).items():
        counts[_script_of(char)] += count
    del counts[""]
    if counts["Kana"]:
        counts["Kana"] += counts.pop("Han", 0)
    return max(counts, key=counts.__getitem__) if counts else ""


@lru_cache(maxsize=4096)
def _script_of(char: str) -> str:
    return next((name for name, letters in _SCRIPTS.items() if letters.match(char)), "")


def _severity(share: float) -> Severity:
    return "warning" if share >= MANY else "info"
