"""What is said of data, in English and in Korean: the findings of the doctor, why columns were taken for what,
and what reading decided.

Each sentence stands without its full stop. `bilingual` fills them: how a fact is written stands after its colon.
"""

from __future__ import annotations

from collections.abc import Mapping

FINDINGS: Mapping[str, tuple[str, str]] = {
    "missing_labels": (
        "{count:,} {count:row|rows} without label ({places:places}). Expected a label in every row",
        "라벨이 없는 행이 {count:,}개 있습니다({places:places}). 모든 행에 라벨이 있어야 합니다",
    ),
    "unknown_labels": (
        "labels that the training side lacks: {labels:counted}. Expected only {known}",
        "학습 데이터에 없는 라벨이 있습니다: {labels:counted}. 학습 데이터의 라벨: {known}",
    ),
    "one_label": ("only one label in the training rows: {only}", "학습 데이터에 라벨이 {only} 하나뿐입니다"),
    "no labels": ("no labels in the training rows", "학습 데이터에 라벨이 없습니다"),
    "two labels expected": (
        "Expected two labels or more, so that there is something to tell apart",
        "분류를 배우려면 라벨이 두 개 이상이어야 합니다",
    ),
    "no row has a label": (
        "no training row has a label. Expected labels in some of them",
        "라벨이 붙은 학습 행이 하나도 없습니다. 일부 행에는 라벨이 있어야 합니다",
    ),
    "one number": ("every training row has the number {number:g}", "모든 학습 행의 값이 {number:g}입니다"),
    "no training row": ("no training row", "학습 행이 없습니다"),
    "numbers expected": (
        "Expected numbers that differ, so that there is something to learn",
        "회귀를 배우려면 값이 서로 달라야 합니다",
    ),
    "label_spellings": (
        "labels that differ only in their spelling: {spellings:spellings}; the rarer at {places:places}",
        "표기만 다른 라벨이 있습니다: {spellings:spellings}. 드문 표기의 위치: {places:places}",
    ),
    "small_classes": (
        "{count:,} {count:label has|labels have} fewer than {least} rows: {labels:placed}",
        "행이 {least}개보다 적은 라벨이 {count:,}개 있습니다: {labels:placed}",
    ),
    "labels of one row": (
        "{count:,} {count:label has|labels have} a single row: {labels}",
        "한 행에만 있는 라벨이 {count:,}개 있습니다: {labels}",
    ),
    "imbalance": (
        "{share:share} of {total:,} {total:row|rows} have the label {label}",
        "{total:,}행 중 {share:share}가 {label} 라벨입니다",
    ),
    "imbalance of many": (
        "{share:share} of {total:,} {total:row|rows} have the label {label}, {ratio:,.0f} times those of {rarest}",
        "{total:,}행 중 {share:share}가 {label} 라벨이고, 가장 적은 {rarest} 라벨의 {ratio:,.0f}배입니다",
    ),
    "empty_texts": (
        "{count:,} of {total:,} {total:row|rows} {count:has|have} an empty text ({places:places})",
        "{total:,}행 중 {count:,}행의 텍스트가 비어 있습니다({places:places})",
    ),
    "text expected": (
        "Expected text in at least {least:.0f} % of the rows",
        "적어도 {least:.0f}%의 행에는 텍스트가 있어야 합니다",
    ),
    "duplicate_texts": (
        "{count:,} {count:row|rows} of {total:,} {count:repeats|repeat} the text of an earlier row ({places:places})",
        "{total:,}행 중 {count:,}행의 텍스트가 앞선 행과 똑같습니다({places:places})",
    ),
    "texts_in_train": (
        "{count:,} of {total:,} {total:row|rows} {count:stands|stand} in {train} too ({places:places})",
        "{total:,}행 중 {count:,}행의 텍스트가 {train}에도 있습니다({places:places})",
    ),
    "copies in train": (
        "{count:,} of {total:,} {total:row|rows}, {texts:,} different texts, stand in {train} too ({places:places})",
        "{total:,}행 중 {count:,}행(서로 다른 텍스트 {texts:,}개)이 {train}에도 있습니다({places:places})",
    ),
    "other texts expected": (
        "Expected at most {most:.0f} %: the score of learnt texts says nothing of others",
        "{most:.0f}%를 넘지 않아야 합니다. 이미 학습한 텍스트의 점수로는 새로운 텍스트에서의 성능을 알 수 없습니다",
    ),
    "contradictory_labels": (
        "{count:,} {count:text stands|texts stand} under different labels ({places:places})",
        "서로 다른 라벨이 붙은 같은 텍스트가 {count:,}개 있습니다({places:places})",
    ),
    "contradictory_labels, also of the empty text": (
        "{count:,} texts stand under different labels, one of them empty ({places:places})",
        "서로 다른 라벨이 붙은 같은 텍스트가 {count:,}개 있고, 그중 하나는 빈 텍스트입니다({places:places})",
    ),
    "near_duplicates": (
        "{count:,} {count:row|rows} ({share:share}) nearly {count:repeats|repeat} the text of an earlier row "
        "({pairs:pairs})",
        "{count:,}행({share:share})의 텍스트가 앞선 행과 거의 같습니다({pairs:pairs})",
    ),
    "near_duplicates at least": (
        "at least {count:,} {count:row|rows} ({share:share}) nearly {count:repeats|repeat} the text of an earlier row "
        "({pairs:pairs})",
        "적어도 {count:,}행({share:share})의 텍스트가 앞선 행과 거의 같습니다({pairs:pairs})",
    ),
    "near_in_train": (
        "{count:,} {count:row stands|rows stand} nearly alike in {train} ({pairs:pairs})",
        "{count:,}행과 거의 같은 텍스트가 {train}에 있습니다({pairs:pairs})",
    ),
    "near_in_train at least": (
        "at least {count:,} {count:row stands|rows stand} nearly alike in {train} ({pairs:pairs})",
        "적어도 {count:,}행과 거의 같은 텍스트가 {train}에 있습니다({pairs:pairs})",
    ),
    "html": (
        "{count:,} of {total:,} {total:row|rows} ({share:share}) hold HTML, most often {tags:counted}",
        "{total:,}행 중 {count:,}행({share:share})에 HTML이 들어 있습니다. 가장 흔한 것: {tags:counted}",
    ),
    "mojibake": (
        "{count:,} {count:row has|rows have} letters of a wrong encoding, such as {example} ({places:places})",
        "{count:,}행에 인코딩이 맞지 않아 깨진 글자가 있습니다. 예: {example}({places:places})",
    ),
    "scripts": (
        "the letters of {share:share} of the rows are not {usual:word} as in the others: {scripts:counted_words} "
        "({places:places})",
        "나머지 행({usual:word})과 다른 문자로 쓰인 행이 전체의 {share:share}입니다: {scripts:counted_words} "
        "({places:places})",
    ),
    "texts like an id": ("the texts look like an id: {examples}", "텍스트가 ID처럼 보입니다: {examples}"),
    "labels like an id": (
        "the labels look like an id: {count:,} different ones in {total:,} {total:row|rows}",
        "라벨이 ID처럼 보입니다: {total:,}행에 서로 다른 라벨이 {count:,}개입니다",
    ),
    "label_in_text": (
        "{share:share} of the texts labelled {labels} hold that word, others hardly ever",
        "라벨이 {labels}인 텍스트의 {share:share}에 그 라벨 이름이 들어 있고, 다른 텍스트에는 거의 없습니다",
    ),
    "truncated": (
        "{count:,} {count:row has|rows have} more than {limit} tokens, {rows:share}: {tokens:share}"
        "{tokens_interval:between} of all tokens are cut",
        "{limit}토큰보다 긴 행이 {count:,}개로 전체의 {rows:share}이고, 모든 토큰 중 잘리는 비율은 {tokens:share}"
        "{tokens_interval:between}입니다",
    ),
    "truncated in chunks": (
        "{count:,} {count:row has|rows have} more than {chunks} chunks of {limit} tokens, {rows:share}: {tokens:share}"
        "{tokens_interval:between} of all tokens are cut",
        "{limit}토큰 조각 {chunks}개보다 긴 행이 {count:,}개로 전체의 {rows:share}이고, 모든 토큰 중 잘리는 비율은 "
        "{tokens:share}{tokens_interval:between}입니다",
    ),
    "unknown_tokens": (
        "{count:,} {count:row has|rows have} letters unknown to the tokenizer, {rows:share}: {tokens:share} of all "
        "tokens are unknown",
        "토크나이저가 모르는 글자가 든 행이 {count:,}개로 전체의 {rows:share}이고, 모든 토큰 중 알 수 없는 토큰의 "
        "비율은 {tokens:share}입니다",
    ),
    "truncated, drawn": (
        "about {count:,} {count:row has|rows have} more than {limit} tokens, {rows:share}{rows_interval:between}: "
        "{tokens:share}{tokens_interval:between} of all tokens are cut (by {sample:,} rows; --exact counts all)",
        "{limit}토큰보다 긴 행이 약 {count:,}개로 전체의 {rows:share}{rows_interval:between}이고, 모든 토큰 중 잘리는 "
        "비율은 {tokens:share}{tokens_interval:between}입니다({sample:,}행으로 추정, --exact를 주면 모두 셉니다)",
    ),
    "truncated in chunks, drawn": (
        "about {count:,} {count:row has|rows have} more than {chunks} chunks of {limit} tokens, "
        "{rows:share}{rows_interval:between}: {tokens:share}{tokens_interval:between} of all tokens are cut "
        "(by {sample:,} rows; --exact counts all)",
        "{limit}토큰 조각 {chunks}개보다 긴 행이 약 {count:,}개로 전체의 {rows:share}{rows_interval:between}이고, 모든 "
        "토큰 중 잘리는 비율은 {tokens:share}{tokens_interval:between}입니다({sample:,}행으로 추정, --exact를 주면 "
        "모두 셉니다)",
    ),
    "unknown_tokens, drawn": (
        "about {count:,} {count:row has|rows have} letters unknown to the tokenizer, "
        "{rows:share}{rows_interval:between}: {tokens:share}{tokens_interval:between} of all tokens are unknown "
        "(by {sample:,} rows; --exact counts all)",
        "토크나이저가 모르는 글자가 든 행이 약 {count:,}개로 전체의 {rows:share}{rows_interval:between}이고, 모든 토큰 "
        "중 알 수 없는 토큰의 비율은 {tokens:share}{tokens_interval:between}입니다({sample:,}행으로 추정, --exact를 "
        "주면 모두 셉니다)",
    ),
}

TODO: Mapping[str, tuple[str, str]] = {
    "fill in": ("Fill them in or drop these rows", "라벨을 채우거나 해당 행을 빼세요"),
    "add or drop": (
        "Add rows with these labels to the training data or drop them from {side}",
        "이 라벨의 행을 학습 데이터에 추가하거나 {side:word} 데이터에서 빼세요",
    ),
    "another class": (
        "Add rows of another class, or name another column with --label",
        "다른 클래스의 행을 추가하거나 --label로 다른 열을 지정하세요",
    ),
    "another column": ("Name another column with --label", "--label로 다른 열을 지정하세요"),
    "write alike": (
        "Each spelling is a label of its own; write them alike if they mean the same",
        "표기가 다르면 서로 다른 라벨로 봅니다. 같은 뜻이라면 표기를 통일하세요",
    ),
    "too few to split": (
        "Train, validation and test cannot each hold such a label, and train keeps it; add rows, or merge it with "
        "another label",
        "이런 라벨은 학습·검증·테스트 모두에 들어갈 수 없어 학습에만 남습니다. 행을 추가하거나 다른 라벨과 합치세요",
    ),
    "too few to learn": (
        "It can hardly be learnt from so few; add rows, or merge it with another label",
        "이렇게 적은 행으로는 배우기 어렵습니다. 행을 추가하거나 다른 라벨과 합치세요",
    ),
    "look at macro-F1": (
        "Always answering it scores as much accuracy; look at macro-F1 and the scores of each label",
        "늘 이 라벨로만 답해도 그만큼의 정확도가 나옵니다. 매크로 F1과 라벨별 점수를 보세요",
    ),
    "no text column": (
        "Name the column that holds the text with --text, drop these rows, or --allow empty_texts",
        "--text로 텍스트 열을 지정하거나, 해당 행을 빼거나, --allow empty_texts를 주세요",
    ),
    "empty ones are trained on": (
        "Such rows are trained on as they are; remove them if they mean nothing",
        "이런 행도 그대로 학습에 쓰입니다. 의미가 없다면 제거하세요",
    ),
    "empty ones are scored": (
        "Such rows are scored as they are; remove them if they mean nothing",
        "이런 행도 그대로 평가에 쓰입니다. 의미가 없다면 제거하세요",
    ),
    "copies stay together": (
        "A split keeps copies on one side",
        "데이터를 나눌 때 같은 텍스트는 한쪽에만 들어갑니다",
    ),
    "remove copies": ("Remove them if they were not meant", "의도한 중복이 아니라면 제거하세요"),
    "remove near copies": (
        "Remove them if they are copies: a split may put one into train and the other into test",
        "복사본이라면 제거하세요. 데이터를 나눌 때 하나는 학습에, 다른 하나는 테스트에 들어갈 수 있습니다",
    ),
    "other rows": (
        "Remove the rows from one of the two, name another --{side}, or --allow texts_in_train",
        "둘 중 한쪽에서 해당 행을 제거하거나, --{side}에 다른 데이터를 지정하거나, --allow texts_in_train을 주세요",
    ),
    "flattered": (
        "The {side} score is flattered by what was learnt by heart; remove the rows from one of the two",
        "학습 때 외운 텍스트 때문에 {side:word} 점수가 실제보다 높게 나옵니다. 둘 중 한쪽에서 해당 행을 제거하세요",
    ),
    "decide for one": (
        "No model can answer both; decide for one label or remove the rows",
        "어떤 모델도 둘 다 맞힐 수는 없습니다. 라벨을 하나로 정하거나 해당 행을 제거하세요",
    ),
    "write what html stands for": (
        "A model reads it as text; write what it stands for, such as a space, if new texts will come without it",
        "모델은 HTML도 글자로 읽습니다. 새로 들어올 텍스트에 HTML이 없다면 공백처럼 그것이 뜻하는 글자로 바꾸세요",
    ),
    "another encoding": (
        "Save the data as UTF-8 from where they came, give the file's own --encoding, or drop these rows",
        "원본을 UTF-8로 다시 저장하거나, --encoding에 파일의 실제 인코딩을 주거나, 해당 행을 빼세요",
    ),
    "know the languages": (
        "See that the model knows these languages, and that they are not spread unevenly over the labels",
        "모델이 이 언어들을 아는지, 언어가 특정 라벨에 몰려 있지 않은지 확인하세요",
    ),
    "name the text": ("Name the column that holds the text with --text", "--text로 텍스트가 든 열을 지정하세요"),
    "name the label": ("Name the column that holds the label with --label", "--label로 라벨이 든 열을 지정하세요"),
    "take the label out": (
        "If the label was copied into the text, a model learns to read it there; take it out",
        "라벨이 텍스트에 섞여 들어갔다면 모델은 그것을 읽는 법만 배웁니다. 텍스트에서 빼세요",
    ),
    "longer": (
        "Give a longer --max-length, where the model takes it",
        "모델이 받아들이는 범위에서 --max-length를 늘리세요",
    ),
    "longer or the end": (
        "Give a longer --max-length, where the model takes it, or keep the end too with --truncation head-tail",
        "모델이 받아들이는 범위에서 --max-length를 늘리거나, --truncation head-tail로 끝부분도 남기세요",
    ),
    "longer or the end or all": (
        "Give a longer --max-length, where the model takes it, or keep the end too with --truncation head-tail or all "
        "with --truncation chunks",
        "모델이 받아들이는 범위에서 --max-length를 늘리거나, --truncation head-tail로 끝부분도 남기거나, "
        "--truncation chunks로 전체를 쓰세요",
    ),
    "see which letters": (
        "See which with --tokens ROW; a model of their language and script knows them",
        "어떤 글자인지 --tokens ROW로 확인하세요. 그 언어와 문자로 학습한 모델은 이 글자를 압니다",
    ),
}

REASONS: Mapping[str, tuple[str, str]] = {
    "given": ("given", "직접 지정"),
    "named": ("named {name}", "이름이 {name}"),
    "named as a pair": ("named {one} and {other}", "이름이 {one}, {other}"),
    "named as a pair, which may be left": (
        "named {one} and {other}; --pair none takes the first alone",
        "이름이 {one}, {other}. 첫째만 쓰려면 --pair none",
    ),
    "the only column": ("the only column", "유일한 열"),
    "the longest text": ("the longest text (mean {mean:.0f} characters)", "가장 긴 텍스트, 평균 {mean:.0f}자"),
    "gaps": ("{name} does not hold one label in every row", "{name} 열에는 라벨이 하나씩 있지 않은 행이 있음"),
    "no known name": ("no column with a known name", "라벨로 알려진 이름의 열이 없음"),
    "distinct values": ("{count} distinct values", "서로 다른 값 {count}개"),
    "a column for each label": ("{count} columns, one for each label", "라벨마다 열 하나씩, 모두 {count}개"),
    "as asked for": ("as asked for", "직접 지정"),
    "as asked for, with a mark": ("as asked for, {mark} between labels", "직접 지정, 라벨 구분자 {mark}"),
    "labels with a mark between them": ("labels with {mark} between them", "라벨 구분자 {mark}"),
    "labels that repeat in combinations": (
        "labels with {mark} between them, which repeat in many combinations",
        "라벨 구분자 {mark}, 같은 라벨이 여러 조합으로 나타남",
    ),
    "lists": ("a list of labels a row", "행마다 라벨 목록"),
    "written lists": ("a written list of labels a row", "행마다 문자열로 적힌 라벨 목록"),
    "fractions": ("numbers with fractions, {count:,} distinct ones", "소수를 포함한 숫자, 서로 다른 값 {count:,}개"),
    "named numbers": (
        "numbers named {name}, {count:,} distinct ones",
        "이름이 {name}인 숫자, 서로 다른 값 {count:,}개",
    ),
    "numbers": ("numbers, {count:,} distinct ones", "숫자, 서로 다른 값 {count:,}개"),
    "numbers as classes": (
        "{count} classes; --task regression predicts the number itself",
        "클래스 {count}개. 숫자 자체를 예측하려면 --task regression",
    ),
    "as in the run": ("as in {model}", "{model}에서처럼"),
}

NOTICES: Mapping[str, tuple[str, str]] = {
    "the local one": (
        "{name} is the local {what}; the hub data set of that name is hf:{name}",
        "{name}은(는) 로컬 {what:word}입니다. 같은 이름의 허브 데이터셋은 hf:{name}입니다",
    ),
    "from the cache": (
        "the hub at {hub} could not be reached ({reason}); hf:{name} comes from the local cache",
        "허브({hub})에 접속할 수 없어({reason}) hf:{name}을(를) 로컬 캐시에서 읽습니다",
    ),
    "model from the cache": (
        "the hub at {hub} could not be reached ({reason}); {name} comes from the local cache and may be an older one",
        "허브({hub})에 접속할 수 없어({reason}) {name}을(를) 로컬 캐시에 있는 그대로 씁니다. 최신이 아닐 수 있습니다",
    ),
    "a split without labels": (
        "{name}: the split {split} has no labels; it is left out",
        "{name}: {split} 스플릿은 라벨이 없어 쓰지 않습니다",
    ),
    "a split without rows": (
        "{name}: the split {split} has no rows; it is left out",
        "{name}: {split} 스플릿은 행이 없어 쓰지 않습니다",
    ),
    "a folder without labels": (
        "{name} is left out: its texts ({count:,}) have no labels",
        "{name} 폴더의 텍스트 {count:,}개는 라벨이 없어 쓰지 않습니다",
    ),
    "no .txt files": (
        "{name}: left out as no .txt files: {count:,}",
        "{name}: .txt 파일이 아니어서 쓰지 않은 파일 {count:,}개",
    ),
    "other folders": (
        "{name}: {folders} beside {sides} is left out",
        "{name}: {sides} 옆의 {folders} 폴더는 쓰지 않습니다",
    ),
    "other files": (
        "{name}: {files} beside {sides} is left out",
        "{name}: {sides} 옆의 {files} 파일은 쓰지 않습니다",
    ),
    "parquet by its content": (
        "{name} is a parquet file, whatever its name says",
        "{name}은(는) 이름과 달리 parquet 파일입니다",
    ),
    "another delimiter": (
        "{name} has {mark:word} between its columns, not commas",
        "{name}의 열 구분자는 쉼표가 아니라 {mark:word}입니다",
    ),
    "bare quotation marks": (
        "quotation marks in {name} are part of its texts: every line has all its columns without them",
        "{name}의 따옴표는 텍스트의 일부로 읽습니다. 따옴표가 없다고 보아야 모든 줄의 열 수가 맞습니다",
    ),
    "row numbers": (
        "the first column of {name} has no name and numbers the rows; it is left out",
        "{name}의 첫째 열은 이름 없이 행 번호만 있어 쓰지 않습니다",
    ),
    "damaged texts": (
        "{name}: NUL characters or lone surrogates in {count:,} of {total:,} texts; they are removed, or become "
        "U+FFFD, in training and prediction alike",
        "{name}: 텍스트 {total:,}개 중 {count:,}개에 NUL 문자나 짝 없는 서로게이트가 있습니다. 학습과 예측에서 똑같이 "
        "지우거나 U+FFFD로 바꿉니다",
    ),
    "a side without labels": (
        "{name} has no labels and is not used for {side}",
        "{name}에는 라벨이 없어 {side:word}에 쓰지 않습니다",
    ),
    "texts as in the run": (
        "texts are read from {texts}, as in {model}; --text decides otherwise",
        "텍스트를 {model}에서처럼 {texts} 열에서 읽습니다. 바꾸려면 --text",
    ),
    "texts unlike the run": (
        "{model} reads {texts}, but {name} has no {missing}: texts are found as for any model",
        "{model}은(는) {texts} 열을 읽지만 {name}에 {missing} 열이 없어, 텍스트 열을 새로 찾습니다",
    ),
    "some were compared": (
        "near copies were looked for among {count:,} of {total:,} rows, drawn by chance",
        "거의 같은 텍스트는 {total:,}행 중 무작위로 뽑은 {count:,}행에서 찾았습니다",
    ),
    "no tokens": ("tokens were not counted: {fault}", "토큰을 세지 못했습니다: {fault}"),
    "mended": (
        "{count:,} of {total:,} training rows were written to {out}; dropped: {dropped:word}; each with its reason "
        "in {log}",
        "학습 {total:,}행 중 {count:,}행을 {out}에 썼습니다. 뺀 행: {dropped:word}. 이유는 {log}에 있습니다",
    ),
}

WORDS: Mapping[str, str] = {
    "train": "학습", "validation": "검증", "test": "테스트",
    "Latin": "로마자", "Hangul": "한글", "Cyrillic": "키릴 문자", "Greek": "그리스 문자", "Han": "한자", "Kana": "가나",
    "Arabic": "아랍 문자", "Hebrew": "히브리 문자", "Devanagari": "데바나가리", "Thai": "태국 문자",
    "semicolons": "세미콜론", "tabs": "탭", "bars": "세로줄", "folder": "폴더", "file": "파일", "none": "없음",
}  # fmt: skip
"""Facts that are words of English, in Korean."""
