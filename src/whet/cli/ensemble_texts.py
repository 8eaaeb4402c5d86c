"""What the command line says of a job of several models, in English and Korean."""

from __future__ import annotations

ENSEMBLE_TEXTS: dict[str, tuple[str, str]] = {
    "models": ("models", "모델"),
    "plan models": ("{count}, trained one after the other", "{count}개를 차례로 학습"),
    "result out of fold": (
        "Result on {rows} rows, each answered by models that have not seen it",
        "{rows}행의 결과(각 행은 그 행을 학습하지 않은 모델이 답함)",
    ),
    "out of fold": (
        "All models together, out of fold ({rows} rows): {metric} {score}{interval}",
        "폴드 밖 예측을 모두 합친 {rows}행: {metric} {score}{interval}",
    ),
    "each model": ("Each of {count} models ({made}): {metric} {told}", "모델 {count}개 각각({made}): {metric} {told}"),
    "of folds": ("{folds} folds", "폴드 {folds}개"),
    "of seeds": ("{seeds} seeds", "시드 {seeds}개"),
    "spread out of fold": ("{mean} ± {deviation} out of fold", "폴드 밖 {mean} ± {deviation}"),
    "spread validation": ("{mean} ± {deviation} on validation", "검증 {mean} ± {deviation}"),
    "spread test": ("{mean} ± {deviation} on test", "테스트 {mean} ± {deviation}"),
}
