"""The reference job's script, written for transformers 4, runs with whet after a change of its import line, to the same
four predictions. Data set and model are local and small, and without dropout, of which each library draws its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from tests.conftest import review_rows
from tests.flows.conftest import python
from tests.unit.trainer import scripts

pytest.importorskip("accelerate", reason="transformers' Trainer needs it")

SCRIPT = """
import torch
from datasets import load_dataset
from sklearn.metrics import accuracy_score
from transformers import BertForSequenceClassification, BertTokenizer
IMPORT

dataset = load_dataset("json", data_files={"train": "train.jsonl", "test": "test.jsonl"})
tokenizer = BertTokenizer.from_pretrained("model")


def tokenize_function(examples):
    return tokenizer(examples["text"], padding="max_length", truncation=True, max_length=64)


tokenized_datasets = dataset.map(tokenize_function, batched=True)
tokenized_datasets.set_format("torch", columns=["input_ids", "attention_mask", "label"])
train_dataset = tokenized_datasets["train"]
test_dataset = tokenized_datasets["test"]

torch.manual_seed(0)
model = BertForSequenceClassification.from_pretrained("model", num_labels=2)


def compute_metrics(pred):
    labels = pred.label_ids
    preds = pred.predictions.argmax(-1)
    return {"accuracy": accuracy_score(labels, preds)}


training_args = TrainingArguments(
    output_dir="./results",
    overwrite_output_dir=True,
    num_train_epochs=2,
    per_device_train_batch_size=16,
    per_device_eval_batch_size=16,
    evaluation_strategy="epoch",
    save_strategy="epoch",
    learning_rate=5e-3,
    weight_decay=0.01,
    logging_dir="./logs",
    logging_steps=1,
    load_best_model_at_end=True,
    metric_for_best_model="accuracy",
    warmup_ratio=0.1,
    no_cuda=True,
    disable_tqdm=True,
    report_to="none",
)

trainer = Trainer(
    model=model,
    args=training_args,
    train_dataset=train_dataset,
    eval_dataset=test_dataset,
    compute_metrics=compute_metrics,
)

trainer.train()
results = trainer.evaluate()
print(f"RESULT accuracy: {results['eval_accuracy']:.4f} loss: {results['eval_loss']:.4f}")
predictions = trainer.predict(test_dataset)
print("RESULT", predictions.predictions.argmax(-1).tolist() == [int(p[1] > p[0]) for p in predictions.predictions])

new_sentences = [
    "This one was superb, the acting was moving.",
    "A tedious story and a dreadful ending.",
    "The plot was a bit confusing, but the music was brilliant.",
    "I wasted my time, it was boring and lifeless.",
]
inputs = tokenizer(new_sentences, padding=True, truncation=True, max_length=512, return_tensors="pt")
model.eval()
with torch.no_grad():
    outputs = model(**inputs)
probabilities = torch.softmax(outputs.logits, dim=-1)
labels = torch.argmax(probabilities, dim=-1)
for sentence, label, probability in zip(new_sentences, labels, probabilities):
    name = "긍정 (Positive)" if label.item() == 1 else "부정 (Negative)"
    print(f"RESULT 예측: {name} (부정 확률: {probability[0]:.4f}, 긍정 확률: {probability[1]:.4f})")
"""

# What transformers took until 5: the installed one refuses these spellings.
OLD_NAMES = """
import transformers
from transformers import Trainer


def TrainingArguments(evaluation_strategy, no_cuda, warmup_ratio, logging_dir, overwrite_output_dir, **given):
    return transformers.TrainingArguments(
        eval_strategy=evaluation_strategy, use_cpu=no_cuda, warmup_steps=warmup_ratio, **given
    )
"""


def results(folder: Path, line: str) -> list[str]:
    script = folder / "script.py"
    script.write_text(SCRIPT.replace("IMPORT", line), encoding="utf-8")
    ended = python(str(script))
    assert ended.code == 0, ended.err
    return [told for told in ended.out.splitlines() if told.startswith("RESULT")]


def test_the_script_comes_to_the_same_four_predictions_after_a_change_of_its_import_line(
    here: Path, tiny_bert: Path
) -> None:
    model = scripts.model_of(tiny_bert)
    model.save_pretrained(here / "model")
    if any(name.endswith("gamma") for name in load_file(here / "model" / "model.safetensors")):
        pytest.skip(
            "transformers saves norms under old names here, and its Trainer then leaves them out of the best one"
        )
    scripts.tokenizer_of(tiny_bert).save_pretrained(here / "model")
    rows = [{"text": text, "label": int(label == "positive")} for text, label in review_rows()]
    for name, part in (("train", rows[:42]), ("test", rows[42:])):
        (here / f"{name}.jsonl").write_text("\n".join(map(json.dumps, part)), encoding="utf-8")
    (here / "old_names.py").write_text(OLD_NAMES, encoding="utf-8")
    ours = results(here, "from whet import Trainer, TrainingArguments")
    theirs = results(here, "from old_names import Trainer, TrainingArguments")
    assert ours == theirs
    assert len([line for line in ours if "예측" in line]) == 4
    assert len({line for line in ours if "예측" in line}) > 1
