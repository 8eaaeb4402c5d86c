"""What is said of a training on its way, in English and in Korean: its rows, its model and machine, its course.

Sentences without their full stop, as in `data`; some are parts of others.
"""

from __future__ import annotations

from collections.abc import Mapping

ROWS: Mapping[str, tuple[str, str]] = {
    "a side": ("{side}: {reason}", "{side:word} 데이터: {reason}"),
    "came with the data": ("{source}, which came with the data", "{source}, 데이터에 들어 있던 것"),
    "a side as asked for": ("{source}, as asked for", "{source}, 직접 지정"),
    "none asked for": ("none asked for", "쓰지 않음"),
    "a share": (
        "{share:g} % of {source}, {by}, seed {seed}",
        "{source}의 {share:g}%, {by:word} 추출, 시드 {seed}",
    ),
    "of some rows": ("{count:,} training rows, out of {source}", "{source} 중 학습 {count:,}행"),
    "fewer rows than asked for": (
        "all {there:,} rows, {wanted:,} were asked for",
        "{there:,}행 전체({wanted:,}행을 요청)",
    ),
    "drawn rows": (
        "{wanted:,} of {there:,} rows, {by}, seed {seed}",
        "{there:,}행 중 {wanted:,}행, {by:word} 추출, 시드 {seed}",
    ),
    "all of it": ("all of it", "전체"),
    "what test leaves": ("what test leaves", "테스트를 뺀 나머지"),
    "less validation": ("{part}, less {count:,} for validation", "{part}에서 검증 {count:,}행 제외"),
    "labels changed": (
        "labels changed by {name}: {changed:,} ({each:sides}); as they were: {unchanged:,}",
        "{name}에 따라 바꾼 라벨 {changed:,}개({each:sides}), 이미 같던 라벨 {unchanged:,}개",
    ),
    "test labels changed": (
        "with corrected test labels the score is not to be compared with those before, and it favours models like the "
        "one whose answers led to the corrections",
        "테스트 라벨을 고쳤으므로 이전 점수와 비교할 수 없습니다. 또 고칠 행을 찾아낸 모델과 비슷한 모델에 유리한 "
        "점수가 됩니다",
    ),
    "a score of one's own": (
        "metric {metric}: run.json and HASH know its name, not what it computes; where that has changed, start over "
        "with fresh=True",
        "지표 {metric}: run.json과 HASH에는 이름만 남고 계산 방법은 남지 않습니다. 계산 방법이 바뀌었다면 "
        "fresh=True로 다시 시작하세요",
    ),
    "class weights": ("class weights {given}{of_yes}: {each}", "클래스 가중치 {given}{of_yes}: {each}"),
    "of rows with the label": (", of rows that have the label", "(라벨이 있는 행 기준)"),
    "head used": (
        "{count:,} of {total:,} {side} texts ({share:share}) {count:is|are} longer than {limit} tokens: their head is "
        "used",
        "{side:word} 텍스트 {total:,}개 중 {count:,}개({share:share})가 {limit}토큰보다 길어 앞부분만 씁니다",
    ),
    "head and tail used": (
        "{count:,} of {total:,} {side} texts ({share:share}) {count:is|are} longer than {limit} tokens: their head and "
        "tail are used",
        "{side:word} 텍스트 {total:,}개 중 {count:,}개({share:share})가 {limit}토큰보다 길어 앞부분과 끝부분만 씁니다",
    ),
    "first chunks used": (
        "{count:,} of {total:,} {side} texts ({share:share}) {count:is|are} longer than {chunks} chunks of {limit} "
        "tokens: their first {chunks} chunks are used",
        "{side:word} 텍스트 {total:,}개 중 {count:,}개({share:share})가 {limit}토큰 조각 {chunks}개보다 길어 처음 "
        "{chunks}개만 씁니다",
    ),
    "divided": (
        "{count:,} of {total:,} {side} texts ({share:share}) {count:has|have} more than {limit} tokens and "
        "{count:is|are} divided into chunks ({each}), whose logits are averaged",
        "{side:word} 텍스트 {total:,}개 중 {count:,}개({share:share})가 {limit}토큰보다 길어 여러 조각으로 "
        "나누고({each}) 로짓을 평균합니다",
    ),
    "in chunks": ("{texts:,} in {first}", "{first}조각 {texts:,}개"),
    "in more chunks": ("{texts:,} in {first} to {last}", "{first}~{last}조각 {texts:,}개"),
    "some rows": ("{count:,} {count:row|rows}", "{count:,}행"),
    "cache not writable": (
        "{folder} cannot be written: tokens and baselines are not kept for another run",
        "{folder}에 쓸 수 없습니다. 토큰과 기준 모델 결과를 다음 실행에 남겨 두지 못합니다",
    ),
    "some fit TF-IDF": (
        "TF-IDF learns from {count:,} of the {total:,} training rows, drawn by label: all of them would take more than "
        "{size} of memory",
        "학습 {total:,}행을 모두 쓰면 메모리가 {size} 넘게 필요해, TF-IDF는 라벨별로 추출한 {count:,}행으로 학습합니다",
    ),
    "no NB-SVM": (
        "NB-SVM is left out of the baselines: it would take too large a part of this job",
        "NB-SVM은 전체 작업 시간에 비해 너무 오래 걸려 기준 모델에서 뺍니다",
    ),
    "how data are read": (
        "text: {text} ({text_reason}); {second}label: {label} ({label_reason})",
        "텍스트: {text}({text_reason}), {second}라벨: {label}({label_reason})",
    ),
    "second text": ("second text: {pair} ({reason}); ", "둘째 텍스트: {pair}({reason}), "),
    "as in training": ("as in training", "학습 때와 같음"),
    "labels by position": ("labels read by position: {each}", "라벨을 번호 순서대로 읽었습니다: {each}"),
    "stands for": ("{number} is {name}", "{number}번은 {name}"),
}

MODEL: Mapping[str, tuple[str, str]] = {
    "by a recipe": ("recipe {name}", "레시피 {name}"),
    "by a budget": ("budget {budget}", "시간 예산 {budget}"),
    "the metric of a task": ("auto: that of a {task} task", "자동: {task} 과제의 지표"),
    "set as in the run": (
        "{name} {value}, as in {model}; --{flag} decides otherwise",
        "{name} {value}: {model}에서와 같게 했습니다. 바꾸려면 --{flag}",
    ),
    "device": (
        "device {device}: {reason}{precision}; {threads} {threads:thread|threads}{processes}",
        "장치 {device}, 스레드 {threads}개{processes}{precision}: {reason}",
    ),
    "of each process": (" in each of {count} processes", "(프로세스 {count}개 각각)"),
    "lower precision": ("; precision {precision}: {reason}", ", 정밀도 {precision}({reason})"),
    "a device is there": ("a {device} device is there", "{device} 장치가 있습니다"),
    "no several there": (
        "several processes train on CUDA or the CPU, not on {device}",
        "여러 프로세스는 CUDA나 CPU에서만 학습할 수 있고 {device}에서는 할 수 없습니다",
    ),
    "free cores": ("the cores that are free", "여유 있는 코어 수"),
    "shared cores": (
        "a share of {cores} cores for each of {processes} processes",
        "코어 {cores}개를 프로세스 {processes}개가 나눠 씀",
    ),
    "not made for less": ("what computes is not made for less", "이 장치는 더 낮은 정밀도를 빠르게 계산하지 못함"),
    "processor has bf16": ("the processor has instructions for it", "프로세서에 전용 명령어가 있음"),
    "bf16 is there": ("the card has it", "GPU가 지원함"),
    "no bf16": ("the card has no bf16", "GPU가 bf16을 지원하지 않음"),
    "emulated": ("given; slow, for the card only emulates it", "직접 지정, GPU가 에뮬레이션하므로 느림"),
    "processor is quick": (
        "given; the processor has instructions for it",
        "직접 지정, 프로세서에 전용 명령어가 있음",
    ),
    "processor is slow": (
        "given; slow, for the processor has no instructions for it",
        "직접 지정, 프로세서에 전용 명령어가 없어 느림",
    ),
    "as begun": ("as when the run began", "처음 실행할 때와 같음"),
    "chosen model": ("model {model}: {reason}", "모델 {model}: {reason}"),
    "model for": ("{texts} on a {device}: {why}", "{device}에서 {texts:word}, {why:word}"),
    "no hub for": (
        "the hub {hub} cannot be reached ({cause}); {model} would be the choice",
        "허브({hub})에 접속할 수 없습니다({cause}). 접속할 수 있으면 {model}을(를) 씁니다",
    ),
    "embedded reads badly": (
        "these are {texts}, which the embedded English model reads badly; with the hub at hand --model {model} is the "
        "better choice",
        "{texts:word}인데 내장 모델은 영어 모델이라 잘 읽지 못합니다. 허브에 접속할 수 있으면 --model {model}을(를) "
        "쓰는 편이 낫습니다",
    ),
    "words lacking": (
        "the vocabulary of {model} does not have the words of these texts: {tokens:.1f} tokens a letter{unknown}, so "
        "it will learn little of them{advice}",
        "{model}의 어휘에는 이 텍스트의 단어가 없어(글자당 {tokens:.1f}토큰{unknown}) 거의 배우지 못합니다{advice}",
    ),
    "of them unknown": (" and {share:.0f} % of them unknown", ", 그중 {share:.0f}%는 알 수 없는 토큰"),
    "better model": (
        "; --model {model} is the better choice ({why})",
        ". --model {model}을(를) 쓰는 편이 낫습니다({why:word})",
    ),
    "longest input": ("the most that {name} takes", "{name}의 최대 길이"),
    "few rows": (
        "epochs {epochs}: {rows} training rows are few, and {default:g} epochs of them would be {steps} steps; "
        "--epochs decides otherwise",
        "epochs {epochs}: 학습 행이 {rows}개로 적어 {default:g}에포크로는 {steps}스텝에 그칩니다. 바꾸려면 --epochs",
    ),
    "trained in part": (
        "{trained:,} of {every:,} weights are trained ({asked})",
        "가중치 {every:,}개 중 {trained:,}개를 학습합니다({asked})",
    ),
    "padded": ("batches are padded by length: {reason}", "배치를 길이별로 묶어 패딩합니다: {reason}"),
    "of one length": (
        "only texts of one length are computed together: {reason}",
        "길이가 같은 텍스트끼리만 함께 계산합니다: {reason}",
    ),
    "padded differs": (
        "{kind} models take padding for text (padded and single texts differ by {gap:.2g})",
        "{kind} 모델은 패딩도 텍스트로 읽습니다(패딩했을 때와 따로 계산했을 때의 값이 {gap:.2g}만큼 다름)",
    ),
    "not packed yet": (
        "{kind} models have no packed attention yet",
        "{kind} 모델은 아직 패킹 어텐션을 지원하지 않습니다",
    ),
    "not packed here": (
        "{kind} models cannot be packed here ({fault})",
        "여기서는 {kind} 모델을 패킹할 수 없습니다({fault})",
    ),
    "packed differs": (
        "packed and single texts differ by {gap:.2g}",
        "패킹했을 때와 따로 계산했을 때의 값이 {gap:.2g}만큼 다릅니다",
    ),
    "in groups": (
        "attention is computed in groups of like length: {reason}",
        "어텐션을 길이가 비슷한 것끼리 묶어 계산합니다: {reason}",
    ),
    "no flash here": (
        "flash attention cannot be used here ({fault})",
        "여기서는 플래시 어텐션을 쓸 수 없습니다({fault})",
    ),
    "flash differs": (
        "flash and plain attention differ by {gap:.2g}",
        "플래시 어텐션과 일반 어텐션의 값이 {gap:.2g}만큼 다릅니다",
    ),
    "flash without dropout": (
        "flash attention ignores dropout here",
        "여기서는 플래시 어텐션이 드롭아웃을 무시합니다",
    ),
    "head replaced": (
        "{model} was fine-tuned for other labels; its head is replaced by a new one",
        "{model}은(는) 다른 라벨로 파인튜닝된 모델이라 출력층을 새로 만듭니다",
    ),
    "fine-tuned before": (
        "{model} was fine-tuned before; {kept}",
        "{model}은(는) 이미 파인튜닝된 모델입니다. {kept}",
    ),
    "from a head of numbers": (
        "{model} was fine-tuned for numbers before; training starts from its head",
        "{model}은(는) 이미 회귀로 파인튜닝된 모델입니다. 그 출력층에서 학습을 시작합니다",
    ),
    "from a head of labels": (
        "{model} was fine-tuned for {count} labels before; training starts from its head",
        "{model}은(는) 이미 라벨 {count}개로 파인튜닝된 모델입니다. 그 출력층에서 학습을 시작합니다",
    ),
    "head kept": (
        "its head is kept for {both} of {count} labels",
        "라벨 {count}개 중 {both}개는 기존 출력층을 그대로 씁니다",
    ),
    "new labels": ("new: {names}", "새 라벨: {names}"),
    "dropped labels": ("dropped: {names}", "없어진 라벨: {names}"),
    "and more": ("{names} and {count} more", "{names} 외 {count}개"),
    "head of the number kept": (
        "its head is kept, which answers in the units that {name} has there",
        "출력층을 그대로 쓰며, 단위는 그 모델이 배운 {name}의 단위입니다",
    ),
    "head of another number": (
        "its head answers {before}, and {name} gets a new one; a column of the same name would keep it",
        "기존 출력층은 {before} 값을 답하므로 {name}에는 새 출력층을 만듭니다. 열 이름이 같으면 그대로 씁니다",
    ),
    "weights without place": (
        "config.json has no place for weights of {model}, which are left out: {names}",
        "{model}의 가중치 중 config.json에 자리가 없는 것은 쓰지 않습니다: {names}",
    ),
    "code of a model": (
        "{model} brings code, which is not run: {names}",
        "{model}에 들어 있는 코드는 실행하지 않습니다: {names}",
    ),
    "fits the budget": (
        "budget {budget}: the job fits as it was asked for; it should take about {seconds:written}",
        "시간 예산 {budget}: 요청한 그대로 끝낼 수 있습니다. 예상 시간 약 {seconds:told}",
    ),
    "traded": (
        "budget {budget}: {changes}; it should take about {seconds:written}",
        "시간 예산 {budget}: {changes}. 예상 시간 약 {seconds:told}",
    ),
    "instead of": ("{name} {value} instead of {before}", "{name} {before} 대신 {value}"),
    "instead of all": ("{name} {value} instead of all {count:,}", "{name} 전체 {count:,} 대신 {value}"),
}

COURSE: Mapping[str, tuple[str, str]] = {
    "going on": (
        "going on after step {step} of {steps}{redone}",
        "전체 {steps}스텝 중 {step}스텝 다음부터 이어서 학습합니다{redone}",
    ),
    "redone": (
        "; {count} {count:step|steps} after it {count:is|are} done again",
        ". 그 뒤의 {count}스텝은 다시 학습합니다",
    ),
    "going back": ("{damaged}: going back to {name}", "{damaged}: {name}(으)로 돌아갑니다"),
    "not as begun": (
        "{changed}: the result may differ in its last digits from that of an uninterrupted run",
        "{changed}: 중단 없이 학습한 결과와 끝자리가 다를 수 있습니다",
    ),
    "then and now": ("{name} {then} then, {now} now", "{name} 처음 {then}, 지금 {now}"),
    "not finite": (
        "step {step}: the {wrong} is not a finite number, and the step is left out",
        "{step}스텝: {wrong:word} 값이 유한하지 않아 이 스텝을 건너뜁니다",
    ),
    "tightened": (
        "step {step}: {why}; steps are computed{parts} from here on{again}",
        "{step}스텝: {why}. 이제부터 스텝을 메모리에 맞춰{parts} 계산합니다{again}",
    ),
    "in parts": (" in parts of at most {tokens:,} tokens", " 최대 {tokens:,}토큰씩 나누어"),
    "layers again": (
        ", one part at a time, and layers again in the backward pass, which takes longer",
        ". 한 번에 한 부분씩 계산하고 역전파에서 층을 다시 계산하므로 더 오래 걸립니다",
    ),
    "out of memory": ("out of memory with {tokens:,} tokens", "{tokens:,}토큰을 계산하다 메모리가 부족했습니다"),
    "too many at once": (
        "{tokens:,} tokens at once would take {lack}",
        "{tokens:,}토큰을 한꺼번에 계산하려면 메모리 {lack}",
    ),
    "too many threads": (
        "a step of several threads would take {lack}",
        "여러 스레드로 한 스텝을 계산하려면 메모리 {lack}",
    ),
    "lack": (
        "{needed}; {left} are left ({limit}), and a part must stay free",
        "{needed}가 필요한데 남은 것은 {left}이고({limit:word}) 일부는 비워 두어야 합니다",
    ),
    "no room": (
        "it needs {needed} of memory, and {left} are left ({limit})",
        "메모리가 {needed} 필요한데 남은 것은 {left}입니다({limit:word})",
    ),
    "to see what a token takes": (
        "step {step}: {left} of memory are left ({limit}); this step is computed in parts of at most {tokens:,} "
        "tokens, to see what a token takes",
        "{step}스텝: 남은 메모리가 {left}입니다({limit:word}). 토큰 하나에 메모리가 얼마나 드는지 보려고 이 스텝은 "
        "최대 {tokens:,}토큰씩 나누어 계산합니다",
    ),
    "smaller packs": (
        "out of memory in an evaluation; its packs have at most {tokens:,} tokens from here on",
        "평가하다 메모리가 부족해 이제부터 한 번에 최대 {tokens:,}토큰씩 평가합니다",
    ),
    "not saved": (
        "{where}: {saw}; the training goes on without it",
        "{where}: {saw}. 체크포인트 없이 학습을 계속합니다",
    ),
    "stopped early": (
        "stopped at step {step}: no better {metric} in {patience} evaluations",
        "{step}스텝에서 멈춥니다: 평가 {patience}번 동안 {metric} 값이 나아지지 않았습니다",
    ),
    "weights kept": (
        "kept the weights of step {step}, the best {metric} on validation",
        "검증 {metric} 값이 가장 좋았던 {step}스텝의 가중치를 씁니다",
    ),
    "no best weights": (
        "{metric} is not defined on these validation rows, so that no weights were the best; the last ones are kept",
        "이 검증 데이터에서는 {metric} 값을 정할 수 없어 가장 좋은 가중치를 고를 수 없습니다. 마지막 가중치를 씁니다",
    ),
    "not calibrated": ("the probabilities are not calibrated: {reason}", "확률을 보정하지 않았습니다: {reason}"),
    "no validation rows": ("there are no validation rows", "검증 행이 없습니다"),
    "no probabilities": ("numbers have no probabilities", "숫자에는 확률이 없습니다"),
    "logits not finite": ("there are logits that are not finite", "유한하지 않은 로짓이 있습니다"),
    "too few wrong": (
        "{wrong:,} answers to {rows:,} validation rows are wrong, and {least} wrong answers on {fewest} rows are the "
        "least that tell a temperature",
        "온도를 정하려면 검증 행이 {fewest}개 이상, 그중 틀린 답이 {least}개 이상이어야 하는데 {rows:,}행 중 "
        "{wrong:,}개가 틀렸습니다",
    ),
    "fitted": ("fitted on {rows:,} validation rows", "검증 {rows:,}행으로 정했습니다"),
    "as saved": ("as the run was saved", "저장된 모델 그대로"),
    "rows in time": (
        "{count:,} of {total:,} test rows, drawn {by}, were scored in the time that was left",
        "남은 시간에 테스트 {total:,}행 중 {by:word} 추출한 {count:,}행만 평가했습니다",
    ),
    "learned nothing": (
        "{signs}: the model may have learned nothing of the texts. {advice}",
        "{signs}. 모델이 텍스트에서 아무것도 배우지 못했을 수 있습니다. {advice}",
    ),
    "train otherwise": (
        "Give another --learning-rate (now {rate:g}) or more --epochs, or look at the data with whet check",
        "--learning-rate(지금 {rate:g})를 바꾸거나 --epochs를 늘리거나 whet check로 데이터를 확인하세요",
    ),
    "one answer": (
        "all {rows:,} {side} rows are predicted as {name}, which {share:.1f} % of them are",
        "{side:word} {rows:,}행을 모두 {name}(으)로 예측했습니다(실제로는 {share:.1f}%)",
    ),
    "one set": (
        "all {rows:,} {side} rows are given {names}, which is right for {share:.1f} % of them",
        "{side:word} {rows:,}행에 모두 같은 답을 했습니다: {names}(맞은 행 {share:.1f}%)",
    ),
    "no label": ("no label", "라벨 없음"),
    "last of names": ("{names} and {last}", "{names}, {last} 라벨"),
    "one value": (
        "all {rows:,} {side} rows are given about {mean:.3g} (standard deviation {deviation:.2g}), while the values in "
        "training have a standard deviation of {spread:.3g}",
        "{side:word} {rows:,}행을 모두 {mean:.3g} 정도로 예측했습니다(표준편차 {deviation:.2g}, 학습 데이터는 "
        "{spread:.3g})",
    ),
    "stuck": (
        "the loss of the last {steps} steps is {loss:.3f}, and that of {whose} {guess:.3f}",
        "마지막 {steps}스텝의 손실은 {loss:.3f}이고 {whose:word}의 손실은 {guess:.3f}입니다",
    ),
    "checkpoints left": (
        "the checkpoints in {folder} are no longer needed and cannot be removed: {fault}",
        "{folder}의 체크포인트는 이제 필요 없지만 지울 수 없습니다: {fault}",
    ),
    "no report": (
        "no {name}: {where}: {saw}; the same command tries it again",
        "{name}을 만들지 못했습니다: {where}: {saw}. 같은 명령을 다시 실행하면 다시 만듭니다",
    ),
}

WORDS: Mapping[str, str] = {
    "auto": "자동",
    "by label": "라벨별로", "by value": "값 구간별로", "loss": "손실", "gradient": "그래디언트",
    "a guess by the shares of the labels": "라벨 비율대로만 답할 때",
    "always answering the mean": "늘 평균값으로 답할 때",
    "the machine": "컴퓨터 전체", "the container's limit": "컨테이너 제한",
    "English texts": "영어 텍스트", "Korean texts": "한국어 텍스트", "texts of another language": "다른 언어의 텍스트",
    "the reference model for English": "영어의 기준이 되는 모델",
    "6 layers of width 384: an eighth of bert-base's arithmetic": "너비 384의 6층 모델(연산량은 bert-base의 8분의 1)",
    "pretrained on Korean": "한국어로 사전 학습한 모델",
    "a small model of 100 languages, Korean among them": "한국어를 포함한 100개 언어의 작은 모델",
    "pretrained on 100 languages": "100개 언어로 사전 학습한 모델",
    "a small model of 100 languages": "100개 언어의 작은 모델",
}  # fmt: skip
"""Facts that are words of English, in Korean."""
