"""What the command line says of an encoder that was adapted to texts, in English and Korean: part of `texts`."""

from __future__ import annotations

ADAPT_TEXTS: dict[str, tuple[str, str]] = {
    "held out before": (
        "before: loss {loss} of {tokens} hidden tokens of held-out texts, {seconds}",
        "학습 전: 측정용 텍스트에서 가린 토큰 {tokens}개의 손실 {loss}, {seconds}",
    ),
    "held out after": (
        "after: loss {loss} of {tokens} hidden tokens of held-out texts, {seconds}",
        "학습 후: 측정용 텍스트에서 가린 토큰 {tokens}개의 손실 {loss}, {seconds}",
    ),
    "adapted": ("Adapted to {texts} texts", "텍스트 {texts}개에 적응시킨 모델"),
    "before": ("before", "학습 전"),
    "after": ("after", "학습 후"),
    "hidden loss": ("loss of a hidden token", "가린 토큰의 손실"),
    "perplexity": ("perplexity", "퍼플렉시티"),
    "measured on": (
        "on {texts} texts that it did not learn from, the same {tokens} tokens hidden both times",
        "학습에 쓰지 않은 텍스트 {texts}개에서 두 번 모두 같은 토큰 {tokens}개를 가리고 측정",
    ),
    "not measured": (
        "Nothing was held out to measure by, so nothing tells what it learnt.",
        "측정용 텍스트를 남겨 두지 않아 얼마나 배웠는지는 알 수 없습니다.",
    ),
}
