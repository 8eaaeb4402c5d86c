"""Who may import whom, and what no module may do."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.meta.source import Module, aliases, called_name, dotted_name, imports, modules, parse

# Folders and the modules beside them, from below. Imports go to a lower line, or stay within the folder.
LINES = (
    ("whet.errors", "whet.intervals", "whet.scores"),
    ("whet.durations", "whet.labels", "whet.recipes"),
    ("whet.records", "whet.sentences"),
    ("whet.disk", "whet.forecast", "whet.hub", "whet.notebook", "whet.settings"),
    ("whet.data", "whet.score", "whet.system"),
    ("whet.model", "whet.runs"),
    ("whet.artifacts", "whet.track", "whet.training"),
    ("whet.comparison", "whet.inputs", "whet.report", "whet.trainer"),
    ("whet.prediction",),
    ("whet.health", "whet.preparing", "whet.run", "whet.server"),
    ("whet.exporting", "whet.planning"),
    ("whet.jobs",),
    ("whet.pipeline",),
    ("whet.adapting", "whet.estimator", "whet.scale", "whet.tuning"),
    ("whet",),  # the package itself, which is the library's door; exactly this name, not a prefix
    ("whet.cli",),
    ("whet.__main__",),
)
LAYERS = {name: layer for layer, names in enumerate(LINES) for name in names}

# No torch and no transformers, not even inside functions. sentence_transformers would load both.
LIGHT = (
    *("whet.errors", "whet.intervals", "whet.scores", "whet.durations", "whet.labels", "whet.recipes", "whet.records"),
    *("whet.sentences", "whet.disk", "whet.forecast", "whet.hub", "whet.settings", "whet.data", "whet.score"),
    *("whet.system.machine", "whet.inputs"),
)
HEAVY = {"torch", "transformers", "sentence_transformers", "accelerate"}

# Slow to import or optional: only inside the function that needs them, where every command would
# pay for them.
OPTIONAL = HEAVY | {
    "pyarrow",
    "pandas",
    "datasets",
    "sklearn",
    "scipy",
    "matplotlib",
    "jinja2",
    "tensorboard",
    "mlflow",
    "ray",
    "fastapi",
    "starlette",
    "pydantic",
    "uvicorn",
    "prometheus_client",
    "peft",
    "optuna",
    "sqlalchemy",
}
IMPORTED_BY_EVERY_COMMAND = (*LIGHT, "whet.system", "whet.cli", "whet.__main__")

# Read what the system and its environment variables say; every other module is told by these. The
# command line reads NO_COLOR and the like through the libraries that obey them.
READS_THE_ENVIRONMENT = ("whet.system.machine", "whet.system.runtime", "whet.system.heap")

# Holds main(), where a bug too must end as one line.
FRONT_DOOR = "whet.cli.app"

# Statements that may catch Exception, by module and the try's last words, each with its reason.
LIBRARY = "the model library raises anything at all for what a file of a model says"
BROAD_BY_NEED = {
    ("whet.model.encoder", "model, info = _pretrained(folder, config, kind)"): LIBRARY,
    (
        "whet.model.encoder",
        "config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)",
    ): LIBRARY,
    (
        "whet.model.encoder",
        "with quiet_libraries():\n"
        "    return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)",
    ): LIBRARY,
    ("whet.exporting.onnx", "graph = _traced(model)"): "torch's exporter raises anything at all for what a model does",
    ("whet.track.feed", "tell()"): "a training does not end because of whatever a tracker's library or server does",
    ("whet.server.batcher", "_check_finite(answers)"): "one request that fails, in whatever way, fails no other one",
    (
        "whet.server.batcher",
        "self.predictor.artifact.prove(quick=True)",
    ): "whatever goes wrong, the server is not ready",
    ("whet.server.front", "await self._app(scope, await self._body(scope, request, receive), request.send)"): (
        "a bug in a route must end as one answer, without its words"
    ),
    ("whet.data.tokens", "yield"): "a panic of the tokenizers library is a BaseException without a name to import",
    ("whet.data.tokens", "tokenizer = Tokenizer.from_str(content.decode('utf-8'))"): (
        "the tokenizers library raises plain Exception for a file that it cannot read"
    ),
}

# What runs code that a file brings with it.
UNSAFE_MODULES = {"pickle", "dill", "cloudpickle", "marshal", "shelve"}
UNSAFE_CALLS = {"eval", "exec", "torch.load", "torch.serialization.load", "joblib.load", "yaml.load"}
UNSAFE_ARGUMENTS = {"allow_pickle", "trust_remote_code"}


def unit(name: str) -> str | None:
    """The entry of LAYERS that a module belongs to."""
    fitting = [prefix for prefix in LAYERS if name == prefix or (prefix != "whet" and name.startswith(f"{prefix}."))]
    return max(fitting, key=len, default=None)


def belongs(module: Module, prefixes: tuple[str, ...]) -> bool:
    return any(module.name == prefix or module.name.startswith(f"{prefix}.") for prefix in prefixes)


def wrong_imports(module: Module) -> Iterator[str]:
    own = unit(module.name)
    assert own is not None, f"{module.name} has no layer"
    for name, node in imports(module):
        if name.split(".")[0] != "whet":
            continue
        other = unit(name)
        if other is None:
            yield f"{module.place(node)}: imports {name}, which has no layer"
        elif other != own and LAYERS[other] >= LAYERS[own]:
            yield f"{module.place(node)}: {own} (layer {LAYERS[own]}) imports {name} (layer {LAYERS[other]})"


def heavy_imports(module: Module) -> Iterator[str]:
    for name, node in imports(module):
        if name.split(".")[0] in HEAVY:
            yield f"{module.place(node)}: imports {name}"


def early_imports(module: Module) -> Iterator[str]:
    for name, node in imports(module, top_level=True):
        if name.split(".")[0] in OPTIONAL:
            yield f"{module.place(node)}: imports {name} at its top level"


def printing(module: Module) -> Iterator[str]:
    names = aliases(module)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and called_name(node, names) in ("print", "rich.print", "builtins.print"):
            yield f"{module.place(node)}: calls print"
        if isinstance(node, ast.Attribute) and dotted_name(node, names) in ("sys.stdout", "sys.stderr"):
            yield f"{module.place(node)}: uses {ast.unparse(node)}"


def environment_reading(module: Module) -> Iterator[str]:
    names = aliases(module)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute | ast.Name) and dotted_name(node, names) in ("os.environ", "os.getenv"):
            yield f"{module.place(node)}: uses {ast.unparse(node)}"


def broad_catches(module: Module) -> Iterator[str]:
    names = aliases(module)
    needed = set(needed_catches(module))
    for node in ast.walk(module.tree):
        if node in needed:
            continue
        if isinstance(node, ast.ExceptHandler):
            caught = [node.type] if not isinstance(node.type, ast.Tuple) else node.type.elts
        elif isinstance(node, ast.Call) and called_name(node, names) == "contextlib.suppress":
            caught = list(node.args)
        else:
            continue
        for kind in caught:
            if kind is None or dotted_name(kind, names) in ("Exception", "BaseException"):
                yield f"{module.place(node)}: catches {'everything' if kind is None else ast.unparse(kind)}"


def needed_catches(module: Module) -> Iterator[ast.ExceptHandler]:
    """`except Exception` (or BaseException) of the try blocks that end with a statement of BROAD_BY_NEED."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Try) and (module.name, ast.unparse(node.body[-1])) in BROAD_BY_NEED:
            yield from (
                handler
                for handler in node.handlers
                if isinstance(handler.type, ast.Name) and handler.type.id in ("Exception", "BaseException")
            )


def unsafe_reading(module: Module) -> Iterator[str]:
    names = aliases(module)
    for name, node in imports(module):
        if name.split(".")[0] in UNSAFE_MODULES:
            yield f"{module.place(node)}: imports {name}"
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call):
            continue
        if called_name(node, names) in UNSAFE_CALLS:
            yield f"{module.place(node)}: calls {called_name(node, names)}"
        for argument in node.keywords:
            allowed = isinstance(argument.value, ast.Constant) and argument.value.value is False
            if argument.arg in UNSAFE_ARGUMENTS and not allowed:
                yield f"{module.place(node)}: passes {argument.arg}={ast.unparse(argument.value)}"


def test_every_module_has_a_layer() -> None:
    assert [module.name for module in modules() if unit(module.name) is None] == []


def test_imports_go_downwards_and_siblings_do_not_know_each_other() -> None:
    placed = [module for module in modules() if unit(module.name)]
    assert [fault for module in placed for fault in wrong_imports(module)] == []


def test_the_lowest_layers_data_and_score_import_neither_torch_nor_transformers() -> None:
    assert [fault for module in modules() if belongs(module, LIGHT) for fault in heavy_imports(module)] == []


def test_what_every_command_imports_leaves_slow_and_optional_packages_for_later() -> None:
    light = [module for module in modules() if belongs(module, IMPORTED_BY_EVERY_COMMAND)]
    assert [fault for module in light for fault in early_imports(module)] == []


def test_only_three_modules_read_the_environment() -> None:
    others = [module for module in modules() if not belongs(module, READS_THE_ENVIRONMENT)]
    assert [fault for module in others for fault in environment_reading(module)] == []


def test_only_the_command_line_prints() -> None:
    quiet = [module for module in modules() if not belongs(module, ("whet.cli", "whet.__main__"))]
    assert [fault for module in quiet for fault in printing(module)] == []


def test_only_the_front_door_of_the_command_line_catches_everything() -> None:
    assert [fault for module in modules() if module.name != FRONT_DOOR for fault in broad_catches(module)] == []


def test_every_exempted_broad_catch_is_still_needed_and_stands_once() -> None:
    needed = [module.name for module in modules() for _ in needed_catches(module)]
    assert sorted(needed) == sorted(name for name, _ in BROAD_BY_NEED)


def test_nothing_is_read_that_could_run_code() -> None:
    assert [fault for module in modules() for fault in unsafe_reading(module)] == []


# ---------------------------------------------------------------- the checks see what they should


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        (
            "whet.labels",
            "def f():\n    from whet.settings.config import fields",
            "src/whet/labels.py:2: whet.labels (layer 1) ",
        ),
        ("whet.data.read", "import whet.score", "src/whet/data/read.py:1: whet.data (layer 4) imports whet.score (l"),
        ("whet.model.loss", "from whet import labels, pipeline", ""),
        (
            "whet.system.runtime",
            "from importlib import import_module\nimport_module('whet.pipeline')",
            "src/whet/system/runtime.py:2",
        ),
    ],
)
def test_an_import_upwards_or_sideways_is_seen_wherever_it_stands(name: str, text: str, fault: str) -> None:
    faults = list(wrong_imports(parse(name, text)))
    assert len(faults) == 1
    assert faults[0].startswith(fault)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("whet.data.read", "from whet.data import clean\nfrom whet.data.clean import cleaned\nimport json"),
        ("whet.data.read", "from . import clean\nfrom .clean import cleaned\nfrom ..records import Table"),
        ("whet.pipeline", "from whet.model.encoder import Encoder\nfrom whet.errors import DataError"),
        ("whet.cli.train", "import whet\nfrom whet import labels"),
    ],
)
def test_an_import_downwards_or_within_the_folder_is_allowed(name: str, text: str) -> None:
    assert list(wrong_imports(parse(name, text))) == []


def test_a_module_without_a_layer_is_named() -> None:
    assert unit("whet.utilities") is None
    assert unit("whet.data.read") == "whet.data"
    assert unit("whet.dataset") is None


def test_torch_inside_a_function_of_data_is_seen() -> None:
    module = parse("whet.data.read", "def f():\n    from torch.nn import Module\n    import transformers.utils as u")
    assert list(heavy_imports(module)) == [
        "src/whet/data/read.py:2: imports torch.nn",
        "src/whet/data/read.py:3: imports transformers.utils",
    ]


def test_a_slow_import_at_the_top_is_seen_and_one_inside_a_function_or_for_types_is_not() -> None:
    text = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import pandas
try:
    import pyarrow.parquet as pq
except ImportError:
    import datasets
def f():
    import sklearn
"""
    assert list(early_imports(parse("whet.data.read", text))) == [
        "src/whet/data/read.py:6: imports pyarrow.parquet at its top level",
        "src/whet/data/read.py:8: imports datasets at its top level",
    ]


def test_printing_is_seen_in_each_of_its_forms() -> None:
    text = "import sys\nfrom rich import print as show\nprint(1)\nshow(2)\nsys.stderr.write('3')\nmodel.print()"
    assert list(printing(parse("whet.runs.run_folder", text))) == [
        "src/whet/runs/run_folder.py:3: calls print",
        "src/whet/runs/run_folder.py:4: calls print",
        "src/whet/runs/run_folder.py:5: uses sys.stderr",
    ]


def test_reading_the_environment_is_seen_under_any_name() -> None:
    text = "import os as system\nfrom os import environ, getenv\nsystem.environ['A']\ngetenv('B')\nenviron.get('C')"
    assert list(environment_reading(parse("whet.runs.run_folder", text))) == [
        "src/whet/runs/run_folder.py:3: uses system.environ",
        "src/whet/runs/run_folder.py:4: uses getenv",
        "src/whet/runs/run_folder.py:5: uses environ",
    ]


def test_a_broad_catch_is_seen_in_each_of_its_forms() -> None:
    text = """
import contextlib
try:
    a()
except (ValueError, Exception):
    pass
try:
    b()
except:
    pass
with contextlib.suppress(BaseException):
    c()
try:
    d()
except OSError:
    pass
"""
    assert sorted(broad_catches(parse("whet.runs.run_folder", text))) == [
        "src/whet/runs/run_folder.py:11: catches BaseException",
        "src/whet/runs/run_folder.py:5: catches Exception",
        "src/whet/runs/run_folder.py:9: catches everything",
    ]


def test_unsafe_reading_is_seen_under_any_name_and_the_eval_mode_of_a_model_is_not() -> None:
    text = """
import torch as t
from torch import load as read
import pickle
model.eval()
t.load(f)
read(f)
eval(s)
AutoModel.from_pretrained(f, trust_remote_code=True)
AutoModel.from_pretrained(f, trust_remote_code=False)
"""
    assert list(unsafe_reading(parse("whet.artifacts.artifact", text))) == [
        "src/whet/artifacts/artifact.py:4: imports pickle",
        "src/whet/artifacts/artifact.py:6: calls torch.load",
        "src/whet/artifacts/artifact.py:7: calls torch.load",
        "src/whet/artifacts/artifact.py:8: calls eval",
        "src/whet/artifacts/artifact.py:9: passes trust_remote_code=True",
    ]
