"""What the command line says of a teacher and its student, in English and Korean."""

from __future__ import annotations

TEACHER_TEXTS: dict[str, tuple[str, str]] = {
    "stage teach": ("answers of the teacher", "교사 모델의 답"),
    "teacher": ("teacher", "교사"),
    "teacher answers": ("answers {texts} texts in {time}", "텍스트 {texts}개에 답함, {time}"),
    "teacher far": ("{done} of {texts} texts", "텍스트 {texts}개 중 {done}개"),
    "taught by": ("Taught by {name}", "교사 모델 {name}"),
    "of its layers": ("{student} of {teacher} layers", "{teacher}개 층 중 {student}개"),
    "of its parameters": ("{ratio} times its {parameters} parameters", "파라미터 {parameters}개의 {ratio}배"),
    "as the teacher": (
        "answers {share} % of {rows} test rows as it does", "테스트 {rows}행 중 {share}%를 교사와 같게 답함"
    ),
    "near the teacher": (
        "correlation with its answers {correlation} on {rows} test rows",
        "테스트 {rows}행에서 교사의 답과 상관 {correlation}",
    ),
    "beside the teacher": (
        "{metric} {student}, of the teacher {teacher}", "{metric} {student}, 교사 {teacher}"
    ),
}  # fmt: skip
