"""What the command line says of engines and of an export, in English and Korean: part of `texts`."""

from __future__ import annotations

ENGINE_TEXTS: dict[str, tuple[str, str]] = {
    "engine": ("engine", "엔진"),
    "answered by": ("engine: {engine} ({reason})", "엔진: {engine} ({reason})"),
    "exported": ("Export", "내보낸 모델"),
    "logit gap": ("logit gap", "로짓 차이"),
    "side compared": ("{side}: {metric} of {rows} rows", "{side}: {rows}행의 {metric}"),
    "short texts": ("short texts/s", "짧은 텍스트/초"),
    "long texts": ("long texts/s", "긴 텍스트/초"),
    "default engine": ("By itself {engine} answers: {reason}", "기본 엔진: {engine} ({reason})"),
    "export note": (
        "logit gap: the largest difference to torch; texts/s: of {short} and of {long} words, on this machine",
        "로짓 차이: torch와 가장 크게 다른 값. 속도는 이 컴퓨터에서 {short}단어, {long}단어 텍스트로 측정",
    ),
    "export folder": ("Folder", "폴더"),
    "pushed": ("Pushed: {url}", "허브에 올렸습니다: {url}"),
    "pushed use": ('Use it: whet predict hf:{name} "A text."', '사용법: whet predict hf:{name} "문장"'),
}
