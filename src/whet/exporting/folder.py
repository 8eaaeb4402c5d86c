"""What stands in an export/ folder beside its graphs: whet.json, export.json and the card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whet.artifacts import exported, sidefile
from whet.artifacts.exported import FILES, TABLE
from whet.artifacts.sidefile import Engine
from whet.exporting import onnx
from whet.exporting.table import Measured
from whet.model.encoder import load_saved
from whet.prediction.predictor import Answers
from whet.records import Usage
from whet.sentences.bilingual import with_korean
from whet.system import runtime

FORMAT = 1  # of export.json
OF_ENSEMBLES = ("of", "members")  # what their whet.json has, and the one graph that they become does not
COPIED = ("config.json", "tokenizer.json", "tokenizer_config.json")


@dataclass(frozen=True, slots=True)
class Export:
    """A written folder. `engines`: the model itself first."""

    path: Path
    metric: str
    engines: tuple[Measured, ...]
    default: Answers
    reason: str
    notices: tuple[str, ...]


def write_graphs(model: Path, folder: Path, *, int8: bool) -> dict[Engine, Any]:
    """Writes the graphs and how texts become tokens; returns the graphs opened."""
    first = _parts(model)[0]
    for name in COPIED:
        if (first / name).is_file():
            shutil.copyfile(first / name, folder / name)
    onnx.write(_loaded(model).eval(), folder / FILES["onnx"])
    if int8:
        onnx.quantise(folder / FILES["onnx"], folder / FILES["int8"])
    made: tuple[Engine, ...] = ("onnx", "int8") if int8 else ("onnx",)
    return {engine: exported.session_of(folder / FILES[engine]) for engine in made}


def _parts(model: Path) -> list[Path]:
    """The folders of the models that it is: of an ensemble those of its members."""
    side = sidefile.read(model)
    return [model / name for name in side["members"]] if side["kind"] == "ensemble" else [model]


def _loaded(model: Path) -> Any:
    """The plain transformers model or, of an ensemble, all of them as one, with its temperature."""
    parts = _parts(model)
    if parts == [model]:
        return load_saved(model)
    return onnx.averaged([load_saved(part) for part in parts], sidefile.read(model).get("temperature") or 1.0)


def side_file(model: Path, folder: Path, sessions: Mapping[Engine, Any]) -> dict[str, Any]:
    """The content of whet.json: that of the model, and what the 8-bit graph answers its test texts."""
    padding = json.loads((_parts(model)[0] / "config.json").read_text(encoding="utf-8")).get("pad_token_id")
    known = {name: value for name, value in sidefile.read(model).items() if name not in OF_ENSEMBLES}
    side = known | {
        "format": sidefile.WRITTEN["onnx"], "kind": "onnx", "source": sidefile.state_of(model),
        "padding": padding if isinstance(padding, int) else 0, "engines": list(sessions), "default": "onnx",
    }  # fmt: skip
    if "int8" in sessions:
        loaded = exported.opened(folder, side, sessions["int8"], "int8")
        given = loaded.all_logits(sidefile.encoded(sidefile.canaries_of(side), loaded.cutter))
        for canary, row in zip(side["canaries"], given, strict=True):
            canary["int8"] = [round(float(logit), 6) for logit in row]
    return side


def sizes(model: Path, folder: Path, sessions: Mapping[Engine, Any]) -> dict[Answers, int]:
    """Bytes of the weights of each engine."""
    found: dict[Answers, int] = {"torch": sum(file.stat().st_size for file in model.rglob("*.safetensors"))}
    for engine in sessions:
        found[engine] = sum(file.stat().st_size for file in folder.glob(f"{FILES[engine]}*"))
    return found


def write_table(folder: Path, found: Export) -> None:
    """export.json."""
    engines = [
        {
            "engine": each.engine, "size": each.size, "largest_difference": each.difference,
            "scores": {side: {"rows": score.rows, found.metric: score.score, "interval": score.interval}
                       for side, score in each.scores.items()},
            "texts_per_second": {"short": round(each.short, 1), "long": round(each.long, 1)},
        }
        for each in found.engines
    ]  # fmt: skip
    document = {
        "format": FORMAT, "metric": found.metric, "engines": engines, "default": found.default, "reason": found.reason,
        "notices": [{"message": notice} for notice in found.notices], "versions": runtime.versions(),
    }  # fmt: skip
    write_json(folder / TABLE, document)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(with_korean(content), ensure_ascii=False, indent=1), encoding="utf-8")


def card(model: Path, found: Export, usage: Usage) -> str:
    """README.md: the model's, with how this folder is asked in the place of how transformers is."""
    known = model / sidefile.CARD
    head = known.read_text(encoding="utf-8").partition("```python")[0].rstrip() if known.is_file() else ""
    asked = "..." if usage.inputs.pair is None else '..." "...'
    lines = [
        "## As ONNX",
        "",
        f"ONNX Runtime answers with it on a CPU, without torch and transformers; by itself whet takes {found.default}.",
        "",
        "| engine | megabytes | largest difference of logits | texts a second, short | long |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {each.engine} | {each.size / 1e6:.1f} | {'' if each.difference is None else f'{each.difference:.1g}'} "
            f"| {each.short:.0f} | {each.long:.1f} |"
            for each in found.engines
        ),
        "",
        "```bash",
        f'whet predict {sidefile.PLACE} "{asked}"',
        "```",
        "",
    ]
    return "\n".join([*([head, ""] if head else []), *lines])
