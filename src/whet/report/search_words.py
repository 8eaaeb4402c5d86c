"""What the report of a search says, in English and Korean: part of `words`."""

from __future__ import annotations

SEARCH: dict[str, tuple[str, str]] = {
    "about search": ("Search report", "탐색 보고서"),
    "search title": ("Search of settings: {data} with {model}", "설정 탐색: {data}, {model}"),
    "search lead": (
        "Trial {best} is the best of {count} on validation: {metric} {score}, {gain}.",
        "시도 {count}번 가운데 {best}번이 검증 데이터에서 가장 좋습니다: {metric} {score}, {gain}.",
    ),
    "gain over": ("{difference} against the job's own settings", "원래 설정 대비 {difference}"),
    "own settings best": ("no trial was better than the job's own settings", "원래 설정보다 나은 시도가 없습니다"),
    "no own score": ("the settings of the job came to no score", "원래 설정으로는 점수를 얻지 못했습니다"),
    "best on validation": ("Best on validation", "검증 최고 점수"),
    "own on validation": ("Own settings", "원래 설정"),
    "on test": ("On test", "테스트"),
    "scored once": ("scored once, after the search", "탐색이 끝난 뒤 한 번만 평가"),
    "trials tile": ("Trials", "시도"),
    "trials counted": (
        "{complete} complete, {pruned} pruned, {failed} failed",
        "완료 {complete}, 중단 {pruned}, 실패 {failed}",
    ),
    "trials": ("Trials", "시도"),
    "trials lead": (
        "The best of many scores on the same validation rows is partly luck, and so too high",
        "같은 검증 행에서 얻은 여러 점수 중 최고값은 운이 섞여 실제보다 높게 나옵니다",
    ),
    "test tells": (
        ": what the settings are worth the test side tells.",
        ". 설정의 실제 성능은 테스트 점수로 판단하세요.",
    ),
    "trials table": ("The best trials", "점수가 높은 시도"),
    "trial": ("Trial", "시도"),
    "time taken": ("Time", "시간"),
    "own note": ("own settings", "원래 설정"),
    "same note": ("as trial {number}", "시도 {number}번과 같은 값"),
    "failures": ("Trials that failed", "실패한 시도"),
    "reason": ("Reason", "이유"),
    "history": ("Course of the search", "탐색 과정"),
    "history lead": (
        "Trials in the order in which they were begun. Pruned ones were given up because they did worse than the "
        "median of the others so far into their training.",
        "시작한 순서대로 나타낸 시도입니다. 같은 진행률에서 다른 시도의 중앙값보다 나쁘면 학습을 중단했습니다.",
    ),
    "history figure": ("{metric} on validation", "검증 {metric}"),
    "history label": ("{metric} of the complete trials by number: {points}", "완료된 시도 번호별 {metric}: {points}"),
    "complete trial": ("a complete trial", "완료된 시도"),
    "best so far": ("best so far", "그때까지의 최고"),
    "importance": ("What mattered", "설정의 중요도"),
    "importance lead": (
        "What share of the differences between complete trials each setting explains by itself (fANOVA). Of few "
        "trials this is a hint.",
        "완료된 시도의 점수 차이를 각 설정이 단독으로 설명하는 비율(fANOVA)입니다. 시도가 적으면 참고만 하세요.",
    ),
    "importance figure": ("Share of the differences", "점수 차이를 설명하는 비율"),
    "importance label": ("Share by setting: {points}", "설정별 비율: {points}"),
    "best settings": ("Best settings", "가장 좋은 설정"),
    "best settings lead": ("Beside those of the job, and what was searched.", "원래 값, 탐색 범위와 함께 보여 줍니다."),
    "best settings table": ("Settings of the best trial", "가장 좋은 시도의 설정"),
    "best value": ("Best", "최선"),
    "own value": ("Own", "원래 값"),
    "searched values": ("Searched", "탐색 범위"),
    "search again": ("Train with them", "이 설정으로 학습"),
    "search again lead": (
        "The run with the report on its test side is {run}.",
        "테스트 보고서가 있는 실행 폴더는 {run}입니다.",
    ),
}  # fmt: skip
