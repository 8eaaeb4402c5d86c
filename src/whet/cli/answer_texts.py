"""What the command line says of predictions, in English and Korean: a part of `texts`."""

from __future__ import annotations

ANSWERS: dict[str, tuple[str, str]] = {
    "prediction": ("prediction: {label} ({probabilities})", "예측: {label} ({probabilities})"),
    "value prediction": ("prediction: {value}", "예측: {value}"),
    "none": ("no label", "해당 라벨 없음"),
    "unsure": ("unsure", "불확실"),
    "probability": ("{label}: {value:.4f}", "{label} 확률: {value:.4f}"),
    "speaks for": ("for {label}: {words}", "'{label}' 근거: {words}"),
    "speaks against": ("against {label}: {words}", "'{label}' 반대 근거: {words}"),
    "raises": ("raises it: {words}", "값을 높인 단어: {words}"),
    "lowers": ("lowers it: {words}", "값을 낮춘 단어: {words}"),
    "truncated": (
        "the text was longer than the model reads; part of it was cut",
        "모델이 읽는 길이보다 길어 일부가 잘렸습니다",
    ),
    "goes on": (
        "{path}: goes on behind row {done} of {rows}, which were answered before",
        "{path}: 이미 예측한 {rows}행 중 {done}행 다음부터 이어서 합니다",
    ),
    "begins anew": (
        "{path}: begins anew, for this is not as it was when it was begun: {changed}",
        "{path}: 시작한 뒤 다음이 바뀌어 처음부터 다시 합니다: {changed}",
    ),
    "changed input": ("the file", "입력 파일"),
    "changed model": ("the model", "모델"),
    "changed options": ("the options", "옵션"),
    "changed versions": ("the versions of the libraries", "라이브러리 버전"),
    "changed rows": ("what was written", "저장된 중간 결과"),
    "kept": (
        "{done} of {rows} rows are kept in {path}.partial; the same command goes on there",
        "{rows}행 중 {done}행이 {path}.partial에 남아 있으며 같은 명령으로 이어서 할 수 있습니다",
    ),
    "file answered": (
        "{number} of {files}: {rows} rows of {file} answered into {path}",
        "{files}개 중 {number}: {file}의 {rows}행을 예측해 {path}에 썼습니다",
    ),
    "filled label": ("{column}: filled with the label", "{column}: 라벨로 채웁니다"),
    "filled value": ("{column}: filled with the number", "{column}: 예측값으로 채웁니다"),
    "filled probability": ("{column}: filled with the probability of {label}", "{column}: {label}의 확률로 채웁니다"),
    "written": ("predictions written to {path}: {count}", "{path}에 쓴 예측: {count}개"),
}
