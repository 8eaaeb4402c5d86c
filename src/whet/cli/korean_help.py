"""The Korean of what `--help` says, by the English: loaded for a Korean help alone. What is missing stays English, as
do most settings that only `--help-all` shows."""

from __future__ import annotations

from collections.abc import Mapping

KOREAN: Mapping[str, str] = {
    # the frame
    "Usage": "사용법",
    "OPTIONS": "옵션",
    "COMMAND": "명령",
    "Arguments": "인자",
    "Commands": "명령",
    "Options": "옵션",
    "Examples": "예시",
    "Data": "데이터",
    "Model": "모델",
    "Training": "학습",
    "Output": "출력",
    "Machine": "컴퓨터",
    "Hub": "허브",
    "Server": "서버",
    "{hidden} more options are shown by `{path} --help-all`.": "옵션 {hidden}개가 더 있습니다: `{path} --help-all`",
    "Show this help.": "이 도움말을 표시합니다.",
    "Show every option.": "모든 옵션을 표시합니다.",
    "Show the version.": "버전을 표시합니다.",
    "Install completion for the current shell.": "현재 셸에 자동 완성을 설치합니다.",
    "Show completion for the current shell, to copy it or customize the installation.": (
        "현재 셸의 자동 완성 스크립트를 표시합니다. 복사하거나 직접 설치할 때 씁니다."
    ),
    "Start with `whet demo`, then `whet train YOUR.csv`.": (
        "`whet demo`로 시작한 다음 `whet train 내파일.csv`를 실행해 보세요."
    ),
    # commands
    "Fine-tune a pretrained transformer on your labelled text, with an honest score.": (
        "라벨이 있는 텍스트로 사전 학습 모델을 파인튜닝하고, 점수를 정직하게 알려 줍니다."
    ),
    "Check, train and predict on embedded film reviews, offline.": (
        "내장된 영화평으로 점검, 학습, 예측을 한 번에 해 봅니다. 네트워크가 필요 없습니다."
    ),
    "Each step is shown as the command that does it; the whole takes a few minutes on two cores.": (
        "단계마다 그 일을 하는 명령을 보여 줍니다. 코어 두 개에서 몇 분 걸립니다."
    ),
    "Look at labelled text: columns, rows, labels, duplicates, leaks, tokens.": (
        "데이터를 점검합니다: 열, 행, 라벨, 중복, 누출, 토큰."
    ),
    "Nothing is trained, and torch is not needed. An error among the findings ends it with exit code 3.": (
        "학습은 하지 않으며 torch도 필요 없습니다. 오류가 발견되면 종료 코드 3으로 끝납니다."
    ),
    "Say how long a training would take and what it would need.": "학습에 걸릴 시간과 필요한 자원을 미리 알려 줍니다.",
    "A few steps are timed and undone. Nothing is trained or written.": (
        "몇 스텝을 실행해 시간을 재고 되돌립니다. 학습하거나 파일을 쓰지 않습니다."
    ),
    "Fine-tune a model on labelled text, score it and save it.": "모델을 파인튜닝하고, 평가하고, 저장합니다.",
    "The score stands beside that of the majority label and of TF-IDF with logistic regression.": (
        "점수는 최다 라벨, TF-IDF + 로지스틱 회귀의 점수와 나란히 표시됩니다."
    ),
    "The run goes to its own folder; the same command on a finished run shows its results.": (
        "결과는 실행 폴더에 저장됩니다. 끝난 실행에 같은 명령을 다시 주면 결과를 보여 줍니다."
    ),
    "Score a trained model on other labelled text.": "학습한 모델을 라벨이 있는 다른 데이터로 평가합니다.",
    "Label new texts, with the probability of every label.": "새 텍스트의 라벨을 예측하고 라벨마다 확률을 알려 줍니다.",
    "A regression answers with a number. The answers keep the order of the texts.": (
        "회귀 모델은 숫자로 답합니다. 답은 텍스트 순서 그대로입니다."
    ),
    "Compare finished runs on the test rows that they share.": "끝난 실행들을 공통 테스트 행으로 비교합니다.",
    "Scores with significance, training time, size and speed.": "점수와 유의성, 학습 시간, 크기, 속도를 보여 줍니다.",
    "Write a folder that answers without torch: the model as ONNX.": (
        "torch 없이 답하는 폴더를 만듭니다: ONNX로 내보낸 모델."
    ),
    "Each engine is compared with the model itself: answers, scores, size, speed. Copy the folder anywhere; `whet "
    "predict FOLDER` answers there with onnxruntime alone. With --hub the model goes to the hub as it is, and "
    "nothing is computed.": (
        "엔진마다 답, 점수, 크기, 속도를 원래 모델과 비교합니다. 폴더를 어디로든 복사하면 `whet predict FOLDER`가 "
        "onnxruntime만으로 답합니다. --hub를 주면 내보내기를 하지 않고 모델을 그대로 허브에 올립니다."
    ),
    "Answer over HTTP, with a page to try the model on.": (
        "HTTP로 답합니다. 모델을 써 볼 수 있는 웹 페이지도 함께 제공합니다."
    ),
    "Ctrl-C or SIGTERM ends it, after requests that were taken have been answered.": (
        "Ctrl-C나 SIGTERM을 받으면 이미 받은 요청에 모두 답한 뒤 끝납니다."
    ),
    "Look at the machine: processor, memory, disk, GPU, packages, hub.": (
        "컴퓨터를 점검합니다: 프로세서, 메모리, 디스크, GPU, 패키지, 허브."
    ),
    "With RUN its files are read, and its model must answer as it did when it was saved. Nothing is changed. The "
    "exit code is 0 whatever is found, but for a RUN that is damaged (4).": (
        "RUN을 주면 파일을 읽어 보고, 모델이 저장할 때와 똑같이 답하는지 확인합니다. 아무것도 바꾸지 않습니다. 무엇을 "
        "발견하든 종료 코드는 0이며, 손상된 RUN만 4입니다."
    ),
    # arguments
    "A file, a folder, hf:NAME or sample:NAME.": "파일, 폴더, hf:NAME 또는 sample:NAME.",
    "A file, a folder, hf:NAME or sample:NAME. A recipe may name it.": (
        "파일, 폴더, hf:NAME 또는 sample:NAME. 레시피에 적어 둘 수도 있습니다."
    ),
    "A run folder, its model/ or export/ folder, last, or hf:NAME.": (
        "실행 폴더, 그 안의 model/ 또는 export/ 폴더, last, 또는 hf:NAME."
    ),
    "A run folder, its model/ folder, last, or hf:NAME.": "실행 폴더, 그 안의 model/ 폴더, last, 또는 hf:NAME.",
    "Run folders, or last. Each is held against the first.": "실행 폴더들 또는 last. 모두 첫 번째 실행과 비교합니다.",
    "Texts; of a run on pairs in twos. None: a text a line from standard input, of pairs with a tab.": (
        "텍스트. 문장 쌍 모델이면 두 개씩 줍니다. 없으면 표준 입력에서 한 줄에 하나씩 읽고, 문장 쌍은 탭으로 나눕니다."
    ),
    "What it was trained on, where the training read it elsewhere.": (
        "학습 데이터. 학습할 때와 위치가 달라졌으면 줍니다."
    ),
    # data
    "A named recipe (demo, imdb-bert-base, imdb-minilm, nsmc, reference, sst2-minilm) or a TOML file of settings.": (
        "레시피 이름(demo, imdb-bert-base, imdb-minilm, nsmc, reference, sst2-minilm) 또는 설정을 담은 TOML 파일."
    ),
    "The column that holds the text, or a template of several such as {title}\\n{body}. Found by name and shape.": (
        "텍스트 열, 또는 여러 열을 잇는 템플릿(예: {title}\\n{body}). 없으면 열 이름과 값을 보고 찾습니다."
    ),
    "The column or template of the second text of pairs, or none. Otherwise found by the names of both, such as "
    "sentence1 and sentence2.": (
        "문장 쌍의 둘째 텍스트 열이나 템플릿, 또는 none. 없으면 sentence1, sentence2 같은 이름으로 찾습니다."
    ),
    "The column that holds the label, or a,b,c: a column of 0 and 1 for each. Found by name and shape.": (
        "라벨 열. a,b,c처럼 주면 라벨마다 0과 1로 된 열입니다. 없으면 열 이름과 값을 보고 찾습니다."
    ),
    "The column that tells what each row counts in the training: numbers above 0, whose mean is taken as 1.": (
        "행마다 학습에 반영할 비중을 적은 열. 0보다 큰 숫자이며, 평균이 1이 되도록 조정합니다."
    ),
    "One label a row (classification), any number of labels (multilabel), or a number (regression). auto: by what "
    "the label column holds.": (
        "행마다 라벨 하나(classification), 라벨 여러 개(multilabel), 숫자(regression). auto: 라벨 열의 값을 보고 "
        "정합니다."
    ),
    "What stands between several labels in one string, such as |.": (
        "한 칸에 라벨이 여러 개일 때 그 사이의 구분자(예: |)."
    ),
    "Names for the labels: a JSON file, or 부정,긍정 for 0 and 1, or neg=부정,pos=긍정.": (
        "라벨 이름: JSON 파일, 0과 1이라면 부정,긍정, 또는 neg=부정,pos=긍정."
    ),
    "Test rows: a file, a split of DATA, a share such as 0.1, or none. auto: DATA's own test split, else 0.1.": (
        "테스트 행: 파일, DATA의 분할 이름, 0.1 같은 비율, 또는 none. auto: DATA에 테스트 분할이 있으면 그것, 없으면 "
        "0.1."
    ),
    "Validation rows: a file, a split of DATA, a share of the train table, or none. auto: DATA's own validation "
    "split, else 0.1.": (
        "검증 행: 파일, DATA의 분할 이름, 학습 데이터의 비율, 또는 none. auto: DATA에 검증 분할이 있으면 그것, 없으면 "
        "0.1."
    ),
    "Encoding of text files, for example cp949.": "텍스트 파일의 인코딩(예: cp949).",
    "Findings that shall not stop the job: empty_texts, texts_in_train, or both after a comma.": (
        "발견되어도 작업을 멈추지 않을 항목: empty_texts, texts_in_train, 또는 쉼표로 이어 둘 다."
    ),
    "Look for texts that are nearly equal, within a side and between the sides.": (
        "거의 같은 텍스트를 찾습니다. 한 분할 안에서도, 분할 사이에서도 찾습니다."
    ),
    "Show the tokens and ids of this training row (the first is 0), and where it is cut.": (
        "이 학습 행(0부터)의 토큰과 id, 잘리는 위치를 보여 줍니다."
    ),
    "Count the tokens of every row, not of 2,000 a side.": "분할마다 2,000행이 아니라 모든 행의 토큰을 셉니다.",
    "Write the training rows to OUT (csv, tsv, jsonl or parquet) without those that a finding names, and each "
    "dropped row with its reason to OUT.dropped.jsonl.": (
        "문제가 발견된 행을 뺀 학습 행을 OUT(csv, tsv, jsonl, parquet)에 쓰고, 뺀 행과 그 이유를 OUT.dropped.jsonl에 "
        "씁니다."
    ),
    "Texts from a file: .txt with a text a line; csv, tsv, jsonl or parquet with a column (--text), of pairs two "
    "(--pair).": (
        "파일의 텍스트: 한 줄에 하나씩 적은 .txt, 또는 텍스트 열(--text)이 있는 csv, tsv, jsonl, parquet. 문장 쌍은 열 "
        "두 개(--pair)."
    ),
    "Score this many test rows, drawn by class.": "테스트 행을 이 개수만큼만, 라벨 비율에 맞게 뽑아 평가합니다.",
    # model
    "auto, embedded, linear (TF-IDF with logistic or ridge regression), a name on the hub (NAME, hf:NAME, "
    "hf:NAME@REVISION), a folder, or a run to start from (its folder, or last).": (
        "auto, embedded(내장 모델), linear(TF-IDF + 로지스틱 또는 릿지 회귀), 허브의 이름(NAME, hf:NAME, "
        "hf:NAME@REVISION), 폴더, 또는 이어서 학습할 실행(실행 폴더나 last)."
    ),
    "Tokens a text may have; longer ones are counted, and cut as --truncation says.": (
        "텍스트의 최대 토큰 수. 더 긴 텍스트는 개수를 세어 알리고 --truncation에 따라 자릅니다."
    ),
    "What is seen of a longer text: its head, a quarter of head and the rest of tail (head-tail), or all, in chunks "
    "whose logits are averaged.": (
        "긴 텍스트에서 볼 부분: 앞부분(head), 앞 4분의 1과 나머지는 뒷부분(head-tail), 또는 조각으로 나누어 전부 보고 "
        "로짓을 평균(chunks)."
    ),
    "What answers: torch, or onnx or int8 of an export. auto: the export's default where there is one.": (
        "답할 엔진: torch, 또는 내보낸 모델의 onnx나 int8. auto: 내보낸 모델이 있으면 그 기본 엔진."
    ),
    "What answers: torch, or onnx or int8 of an export. auto: the export's default where there is one. ray: a Ray "
    "cluster, the files of a folder or a pattern (--file) into the folder --output.": (
        "답할 엔진: torch, 또는 내보낸 모델의 onnx나 int8. auto: 내보낸 모델이 있으면 그 기본 엔진. ray: Ray "
        "클러스터에서 폴더나 패턴(--file)의 파일들을 예측해 --output 폴더에 씁니다."
    ),
    # training
    "Passes over the training rows; by default 3, of more than 10,000 rows 2, of few rows more.": (
        "학습 행을 반복하는 횟수. 기본은 3, 10,000행이 넘으면 2, 행이 적으면 더 많이."
    ),
    "Time from the start to the saved score, such as 90s, 20m or 1h30m: the best job that fits is trained, and ends "
    "in time.": "시작부터 점수 저장까지의 시간(예: 90s, 20m, 1h30m). 그 안에 끝나는 가장 나은 작업을 학습합니다.",
    "Rows a step, of all processes together; by default 32 where there are many short texts, and 64 in less than two "
    "passes over them.": (
        "한 스텝의 행 수. 프로세스가 여럿이면 모두 합한 값입니다. 짧은 텍스트가 많으면 기본값은 32이고, 두 번 미만으로 "
        "반복할 때는 64입니다."
    ),
    "Peak of the learning rate; by default what suits the model.": ("학습률의 최댓값. 기본은 모델에 맞는 값."),
    "Seed of splits, order, dropout and the new layer.": "데이터 분할, 순서, 드롭아웃, 새 층에 쓰는 시드.",
    # evaluation
    'Exit code 8 unless these are met, such as "accuracy>=0.9, recall[negative]>=0.85", at the worse end of the 95 % '
    "interval.": (
        '이 조건을 95 % 신뢰구간의 나쁜 쪽 끝에서도 만족하지 못하면 종료 코드 8로 끝납니다(예: "accuracy>=0.9, '
        'recall[negative]>=0.85").'
    ),
    "Write scores, every answer, mistakes and report.html to this folder.": (
        "점수, 모든 답, 틀린 답, report.html을 이 폴더에 씁니다."
    ),
    "Columns by whose values scores are told too, with commas between.": (
        "값별로 점수를 따로 보여 줄 열. 여러 개면 쉼표로 잇습니다."
    ),
    "auto (macro_f1, of numbers pearson), or what 'best' means: accuracy, macro_f1, micro_f1, weighted_f1, f1, "
    "samples_f1, balanced_accuracy, mcc, roc_auc, pr_auc, pearson, spearman, mae, rmse, r2, loss, or a scorer of "
    "scikit-learn such as neg_log_loss.": (
        "'best'를 가리는 점수. auto는 macro_f1(회귀는 pearson). accuracy, macro_f1, micro_f1, weighted_f1, f1, "
        "samples_f1, balanced_accuracy, mcc, roc_auc, pr_auc, pearson, spearman, mae, rmse, r2, loss, 또는 "
        "neg_log_loss 같은 scikit-learn의 scorer."
    ),
    "Answer unsure where the highest probability is below this; saved with the model.": (
        "가장 높은 확률이 이 값보다 낮으면 '불확실'이라고 답합니다. 모델과 함께 저장됩니다."
    ),
    "Exit code 8 where a run is surely worse than the first (not-worse), or where the lower end of the 95 % interval "
    "of its difference is below X.": (
        "첫 번째 실행보다 확실히 나쁜 실행이 있거나(not-worse), 차이의 95 % 신뢰구간 아래 끝이 X보다 작으면 종료 코드 "
        "8로 끝납니다."
    ),
    # output
    "Folder of the run. Otherwise runs/DATA-MODEL-HASH.": "실행 폴더. 없으면 runs/DATA-MODEL-HASH.",
    "Start over; an earlier run of the same name is kept beside it.": (
        "처음부터 다시 합니다. 같은 이름의 이전 실행은 옆에 남겨 둡니다."
    ),
    "Language of the summary: en or ko.": "요약에 쓸 언어: en 또는 ko.",
    "The last line of stdout is one JSON document.": "표준 출력의 마지막 줄을 JSON 문서 하나로 냅니다.",
    "Only results, no progress.": "진행 상황 없이 결과만 표시합니다.",
    "Show which words speak for the answer, and which against it.": (
        "어떤 단어가 답을 뒷받침하고 어떤 단어가 반대하는지 보여 줍니다."
    ),
    "The same for this label, whatever the answer is.": "답과 상관없이 이 라벨을 기준으로 보여 줍니다.",
    "How predictions are written. Otherwise by the ending of --output, else lines.": (
        "예측을 쓰는 형식. 없으면 --output의 확장자를 따르고, 그것도 없으면 lines."
    ),
    "Write the predictions to this file: .jsonl, .csv, .parquet or .txt. Of a --file the same command goes on where "
    "it was stopped.": (
        "예측을 쓸 파일: .jsonl, .csv, .parquet, .txt. --file을 예측하다 멈추면 같은 명령으로 이어집니다."
    ),
    "A competition's sample submission: --output has its columns, ids and rows, filled with labels or probabilities.": (
        "대회의 제출 예시 파일. --output은 그 열, id, 행 순서를 그대로 두고 라벨이나 확률을 채웁니다."
    ),
    "Also with weights of 8 bits, a quarter of the size.": "크기가 4분의 1인 8비트 가중치로도 내보냅니다.",
    "int8 answers by itself only where it loses at most X points of the run's metric on validation.": (
        "검증 점수가 X포인트 넘게 떨어지지 않을 때만 int8을 기본 엔진으로 씁니다."
    ),
    "Write to this folder instead of RUN/export/.": "RUN/export/ 대신 이 폴더에 씁니다.",
    # hub
    "Push the model to the hub instead, privately, with the export that RUN has.": (
        "내보내는 대신 모델을 허브에 비공개로 올립니다. RUN에 export/가 있으면 함께 올립니다."
    ),
    "With --hub: where everybody may read it.": "--hub와 함께: 누구나 볼 수 있게 공개로 올립니다.",
    "With --hub: what the model card says, such as apache-2.0.": (
        "--hub와 함께: 모델 카드에 적을 라이선스(예: apache-2.0)."
    ),
    # server
    "The address to listen on. One that others reach needs --token-file.": (
        "요청을 받을 주소. 다른 컴퓨터에서 접근할 수 있는 주소라면 --token-file이 필요합니다."
    ),
    "0 takes a free one.": "0이면 비어 있는 포트를 씁니다.",
    "Answer only to clients that send the token in this file (Authorization: Bearer TOKEN).": (
        "이 파일의 토큰을 보낸 클라이언트에게만 답합니다(Authorization: Bearer TOKEN)."
    ),
    "Further names that clients may ask under (Host).": "클라이언트가 쓸 수 있는 다른 호스트 이름(Host).",
    "Processes, each with the model.": "프로세스 수. 프로세스마다 모델을 하나씩 올립니다.",
    "The longest that a request waits for its answer.": "요청이 답을 기다리는 최대 시간.",
    # machine
    "CPU threads. Otherwise the cores that are free at the start.": (
        "CPU 스레드 수. 없으면 시작할 때 비어 있는 코어 수."
    ),
    "Show the traceback of an error.": "오류의 traceback을 표시합니다.",
    "Start without a question, however long the job will take.": "오래 걸리는 작업이라도 묻지 않고 시작합니다.",
    "auto, cpu, cuda, mps or xpu.": "auto, cpu, cuda, mps 또는 xpu.",
    # adapt, tune, groups
    "A setting to search, such as learning_rate=1e-5..3e-4:log or epochs=1,2,3; once for each. Otherwise "
    "learning_rate, epochs, batch_size and llrd, but for those that are given.": (
        "탐색할 설정. 예: learning_rate=1e-5..3e-4:log 또는 epochs=1,2,3. 설정마다 한 번씩 줍니다. 생략하면 "
        "learning_rate, epochs, batch_size, llrd 중 직접 주지 않은 것을 탐색합니다."
    ),
    "Files (csv, tsv, jsonl, parquet, txt with a text a line), folders of .txt files, hf:NAME or sample:NAME. "
    "Labels are not looked at.": (
        "파일(csv, tsv, jsonl, parquet, 한 줄에 텍스트 하나인 txt), .txt 파일 폴더, hf:NAME 또는 sample:NAME. "
        "라벨은 보지 않습니다."
    ),
    "Folder of the run. Otherwise runs/TEXTS-MODEL-adapt-HASH.": ("실행 폴더. 생략하면 runs/TEXTS-MODEL-adapt-HASH."),
    "Give up trials that do worse than the median of the others so far into a training.": (
        "학습의 같은 지점에서 다른 시도의 중앙값보다 못한 시도를 중단합니다."
    ),
    "Let a model learn the language of texts without labels.": (
        "라벨 없는 텍스트로 모델이 그 글의 언어를 익히게 합니다."
    ),
    "Passes over the texts; by default more where they are few.": (
        "텍스트를 반복하는 횟수. 기본적으로 적으면 더 많이 반복합니다."
    ),
    "Search": ("탐색"),
    "Search for the best settings, judged on validation rows.": ("검증 행의 점수로 가장 좋은 설정을 찾습니다."),
    "Seed of what is held out and hidden, of order, dropout and a new head.": (
        "떼어 둘 텍스트, 가릴 토큰, 순서, 드롭아웃, 새 출력층의 시드."
    ),
    "Share of the texts that is held out, to measure the loss before and after. Otherwise 0.05, and no more "
    "than 2,000 texts.": (
        "학습 전후의 손실을 재기 위해 떼어 두는 텍스트의 비율. 생략하면 0.05이고, 최대 2,000개입니다."
    ),
    "The column whose values are never divided: rows of one author, patient or product stand on one side.": (
        "값을 나누지 않는 열. 같은 작성자, 환자, 상품의 행은 한쪽 세트에만 들어갑니다."
    ),
    "The first trial has the settings as they are; others change the learning rate and the like. Then a model "
    "is trained with the best ones, and the test side is scored, once.": (
        "첫 시도는 설정 그대로이고, 나머지는 학습률 등을 바꿉니다. 그런 다음 가장 좋은 설정으로 학습해 테스트 "
        "세트를 한 번만 평가합니다."
    ),
    "The result goes to its own folder, from which `whet train DATA --model FOLDER` goes on.": (
        "결과는 별도 폴더에 저장되며, `whet train DATA --model FOLDER`로 이어서 학습합니다."
    ),
    "The same as a TOML file: epochs = [1, 2, 3].": ("같은 내용을 TOML 파일로: epochs = [1, 2, 3]."),
    "The same command goes on where a search was stopped; more --trials go on with one that is over.": (
        "같은 명령을 주면 멈춘 탐색을 이어서 하고, --trials를 늘리면 끝난 탐색에 이어 더 시도합니다."
    ),
    "Time for the search, the last training and its score, such as 30m: no trial begins that would not fit.": (
        "탐색과 마지막 학습, 평가까지 쓸 시간. 예: 30m. 시간에 맞지 않는 시도는 시작하지 않습니다."
    ),
    "Time from the start to the saved model, such as 20m or 1h30m: as many epochs as fit are trained.": (
        "시작부터 모델 저장까지 걸릴 시간. 예: 20m, 1h30m. 그 안에 끝나는 만큼 반복합니다."
    ),
    "To be fine-tuned afterwards. Tokens are hidden and the model tells them, as when BERT was pretrained. Long "
    "texts are divided, so that all of them is used.": (
        "그 뒤에 파인튜닝합니다. BERT를 사전 학습할 때처럼 토큰을 가리고 맞히게 합니다. 긴 텍스트는 나누어 전부 씁니다."
    ),
    "Tokens of a window; longer texts are divided into several.": (
        "한 구간의 토큰 수. 더 긴 텍스트는 여러 구간으로 나눕니다."
    ),
    "Trials at a time, each in a process. Otherwise one for each CUDA device, else one.": (
        "동시에 진행할 시도의 수. 시도마다 프로세스를 하나 씁니다. 생략하면 CUDA 장치마다 하나, 없으면 하나입니다."
    ),
    "Trials in all, those of a search that goes on too. Otherwise 20, or as many as the budget allows.": (
        "전체 시도 횟수. 이어서 하는 탐색이면 이전 시도도 셉니다. 생략하면 20회, 또는 시간 예산이 허락하는 만큼입니다."
    ),
    "Windows a step.": ("한 스텝에 쓰는 구간의 수."),
    "auto, embedded, a name on the hub, a folder, or a run to go on from.": (
        "auto, embedded, 허브의 모델 이름, 폴더, 또는 이어서 학습할 실행."
    ),
}
