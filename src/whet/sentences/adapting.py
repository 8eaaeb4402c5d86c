"""What is said of an encoder that learns the language of texts, in English and in Korean.

Sentences without their full stop, as in `data`.
"""

from __future__ import annotations

from collections.abc import Mapping

ADAPTING: Mapping[str, tuple[str, str]] = {
    "masked head made": (
        "{model} brings no head that tells hidden tokens: a new one is made, which the training has to teach first",
        "{model}에는 가린 토큰을 맞히는 헤드가 없어 새로 만듭니다. 학습은 이 헤드를 익히는 데서 시작합니다",
    ),
}
