"""What an export refuses, and which engine it comes to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.exported_models import save_model
from whet.errors import ModelError, UsageError
from whet.exporting import job, onnx, table
from whet.exporting.table import Measured, Score


def measured(engine: table.Answers, gain: float | None) -> Measured:
    scores = {} if gain is None else {"validation": Score(200, abs(gain), None, gain)}
    return Measured(engine, 1, None, scores, 1.0, 1.0)  # type: ignore[arg-type]


def chosen(torch: float | None, int8: float | None, metric: str = "accuracy", most: float = 0.5) -> tuple[str, str]:
    found = [measured("torch", torch), measured("onnx", torch), measured("int8", int8)]
    engine, reason = table.default(found, metric, most)
    return engine, str(reason)


def test_int8_answers_by_itself_only_where_it_keeps_the_accuracy() -> None:
    told = "of accuracy on 200 validation rows"
    assert chosen(0.9, 0.895) == ("int8", f"int8 loses 0.50 points {told}, at most 0.5")
    assert chosen(0.9, 0.89) == ("onnx", f"int8 loses 1.00 points {told}, more than 0.5")
    assert chosen(0.9, 0.89, most=1.0)[0] == "int8"
    assert chosen(0.9, 0.91)[0] == "int8"
    assert chosen(0.9, float("nan"))[0] == "onnx"
    assert chosen(-2.0, -2.008, "rmse")[0] == "int8"
    assert chosen(-2.0, -2.02, "rmse") == (
        "onnx",
        "int8 loses 1.00 points of rmse on 200 validation rows, more than 0.5",
    )


def test_without_validation_rows_or_int8_the_plain_graph_answers() -> None:
    assert chosen(None, None) == ("onnx", "there are no validation rows to judge int8 by")
    assert table.default([measured("torch", 0.9), measured("onnx", 0.9)], "accuracy", 0.5)[0] == "onnx"


def test_a_folder_that_holds_something_else_is_left_alone(tiny_bert: Path, tmp_path: Path) -> None:
    model = save_model(tiny_bert, tmp_path / "model")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("text", encoding="utf-8")
    with pytest.raises(UsageError, match=r"mine: it holds something else\. Expected a new folder, or an export"):
        job.export(model, output=tmp_path / "mine")
    with pytest.raises(UsageError, match=r"a model/ folder without its run\. Name a folder with --output"):
        job.export(model)
    with pytest.raises(UsageError, match=r"--max-accuracy-loss: -1\. Expected points, 0 to 100"):
        job.export(model, output=tmp_path / "new", max_accuracy_loss=-1)
    assert [path.name for path in tmp_path.iterdir() if path.name not in ("model", "mine")] == []


def test_an_architecture_that_cannot_be_exported_is_named(tmp_path: Path) -> None:
    import torch
    from transformers import BertConfig

    class Stubborn(torch.nn.Module):
        config = BertConfig(vocab_size=8)

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor) -> None:
            raise NotImplementedError("no graph has this")

    with pytest.raises(
        ModelError, match=r"whet export: bert models cannot be exported with this PyTorch .*no graph has"
    ):
        onnx.write(Stubborn(), tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []
