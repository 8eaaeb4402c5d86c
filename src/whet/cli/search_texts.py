"""What the command line says of a search, in English and Korean: part of `texts`."""

from __future__ import annotations

SEARCH_TEXTS: dict[str, tuple[str, str]] = {
    "search ahead": (
        "search: {count} trials of {each} each, then a training with its test side, {final}: {total} in all",
        "탐색: 시도 {count}번(각 {each}), 마지막 학습과 테스트 평가 {final}, 모두 {total}",
    ),
    "search within": (
        "search: about {fitting} trials of {each} each fit into the budget, with a last training and its test side, "
        "{final}",
        "탐색: 시간 예산 안에 시도 약 {fitting}번(각 {each})과 마지막 학습 및 테스트 평가({final})를 할 수 있습니다",
    ),
    "search done": (", {done} of them done before", ", 이 중 {done}번은 완료됨"),
    "search beside": (", {jobs} at a time", ", 동시에 {jobs}번"),
    "pruning spares": (
        "; trials that do badly are given up, so that each may take less",
        ". 성능이 낮은 시도는 도중에 중단하므로 더 짧아질 수 있습니다",
    ),
    "trial begins": ("trial {number}{of}{again}: {params}", "시도 {number}{of}{again}: {params}"),
    "trial of": (" ({place} of {count})", " ({place}/{count})"),
    "trial again": (" (goes on)", " (이어서)"),
    "trial own": ("the job's own settings", "원래 설정"),
    "trial complete": ("trial {number}: {score} in {seconds}{best}", "시도 {number}: {score}, {seconds}{best}"),
    "trial pruned": (
        "trial {number}: given up at {score} after {seconds}, worse than the median so far into a training",
        "시도 {number}: {seconds} 만에 {score}에서 중단(같은 진행률의 중앙값보다 낮음)",
    ),
    "trial failed": ("trial {number} failed: {fault}", "시도 {number} 실패: {fault}"),
    "trial same": (
        "trial {number}: {score}, the values of trial {other}",
        "시도 {number}: {score}, 시도 {other}번과 같은 값",
    ),
    "best trial so far": (", the best so far", ", 지금까지 최고"),
    "trials found": (
        "The best of {count} trials on {rows} validation rows",
        "검증 {rows}행에서 점수가 높은 시도 (모두 {count}번)",
    ),
    "trial": ("trial", "시도"),
    "trials left out": (
        "{pruned} were given up on their way, {failed} failed",
        "도중에 중단 {pruned}번, 실패 {failed}번",
    ),
    "best gains": (
        "Best: trial {number}, {metric} {score}, {difference} against the job's own settings ({own})",
        "최고: 시도 {number}, {metric} {score}, 원래 설정({own}) 대비 {difference}",
    ),
    "best is own": (
        "No trial was better than the job's own settings, {metric} {score}",
        "원래 설정보다 나은 시도가 없습니다: {metric} {score}",
    ),
    "best alone": ("Best: trial {number}, {metric} {score}", "최고: 시도 {number}, {metric} {score}"),
    "winner's luck": (
        "The best of many scores on the same rows is partly luck, and so too high.",
        "같은 행에서 얻은 여러 점수 중 최고값은 운이 섞여 실제보다 높습니다.",
    ),
    "test tells": (
        " What the settings are worth the test side tells, which was scored once, after the search.",
        " 실제 성능은 탐색이 끝난 뒤 한 번만 평가한 테스트 점수로 판단하세요.",
    ),
    "what mattered": ("What mattered: {shares}", "중요도: {shares}"),
    "search folder": ("Search", "탐색 폴더"),
    "search recipe": ("Recipe", "레시피"),
    "search report": ("Search report", "탐색 보고서"),
    "search anyway": ("It would take about {time}. Start?", "약 {time} 걸립니다. 시작할까요?"),
}  # fmt: skip
