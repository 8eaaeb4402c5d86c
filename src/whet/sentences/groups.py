"""What is said of groups, folds and ensembles, in English and in Korean.

Sentences without their full stop, as in `data`.
"""

from __future__ import annotations

from collections.abc import Mapping

GROUPS: Mapping[str, tuple[str, str]] = {
    "a share of groups": (
        "{share:g} % of {source}, {by} as near as whole groups allow, seed {seed}",
        "{source}의 {share:g}%, 그룹을 나누지 않는 범위에서 {by:word} 추출, 시드 {seed}",
    ),
    "groups in a side": (
        "{rows:,} rows, {groups:,} {groups:group|groups}",
        "{rows:,}행, 그룹 {groups:,}개",
    ),
    "rows without group": (
        "{count:,} of {total:,} {total:row|rows} of {name} have no value in {column}: only equal texts keep them "
        "together",
        "{name}의 {total:,}행 중 {count:,}행은 {column} 값이 없어 같은 텍스트끼리만 한쪽에 둡니다",
    ),
    "a side without groups": (
        "{name} has no column {column}, so that no group can be told to be in train too",
        "{name}에 {column} 열이 없어 같은 그룹이 학습 데이터에도 있는지 알 수 없습니다",
    ),
    "a member by fold": ("fold {fold}, seed {seed}", "폴드 {fold}, 시드 {seed}"),
    "a member by seed": ("seed {seed}", "시드 {seed}"),
    "a member": (
        "model {number} of {count}, {member}: {rows:,} rows",
        "모델 {count}개 중 {number}번째({member}): {rows:,}행",
    ),
    "a member is there": (
        "model {number} of {count}, {member}: trained before",
        "모델 {count}개 중 {number}번째({member}): 이미 학습함",
    ),
    "going on with members": (
        "going on: {done} of {count} models are trained",
        "모델 {count}개 중 {done}개를 이미 학습했으므로 이어서 학습합니다",
    ),
    "each fold is validation": (
        "with --folds each fold is answered by models that have not seen it",
        "--folds: 각 폴드는 그 폴드를 학습하지 않은 모델로 평가",
    ),
    "no choice on a fold": (
        "with --folds no weights are chosen on the fold that is scored",
        "--folds: 평가할 폴드로 가중치를 고르지 않음",
    ),
    "validation aside": (
        "{name}: left aside, for with --folds each fold is validation",
        "{name}: --folds에서는 각 폴드가 검증 데이터이므로 쓰지 않습니다",
    ),
    "left out for an ensemble": (
        "{names} of the recipe: left out, for {flag} trains several models",
        "레시피의 {names}: {flag} 작업은 여러 모델을 학습하므로 쓰지 않습니다",
    ),
    "of all members": ("of all models together", "모든 모델을 합친 값"),
    "groups_in_train": (
        "{count:,} of {total:,} {total:row|rows} are of {groups:,} {groups:group|groups} that {train} has too, such as "
        "{examples} ({places:places})",
        "{total:,}행 중 {count:,}행이 {train}에도 있는 그룹 {groups:,}개에 속합니다. 예: {examples}({places:places})",
    ),
    "groups apart": (
        "The {side} score is flattered by what was learnt of these groups; name other rows, or let whet draw the side "
        "by a share such as --{side} 0.1",
        "학습 때 본 그룹이 섞여 {side:word} 점수가 실제보다 높게 나옵니다. 다른 데이터를 지정하거나 --{side} 0.1처럼 "
        "비율을 주어 whet이 나누게 하세요",
    ),
}  # fmt: skip
