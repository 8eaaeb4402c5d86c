"""Which packages an action needs, and how to install those that are missing. Loads none of them."""

from __future__ import annotations

import importlib.util
import platform
import sys

from whet.errors import MissingExtraError
from whet.system import machine

TRAIN_PACKAGES = ("torch", "transformers", "safetensors", "sklearn", "pyarrow", "matplotlib", "jinja2")
EXPORT_PACKAGES = ("onnxruntime", "onnx", "onnxscript")  # beside those
TUNING = ("optuna", "sqlalchemy", "alembic")  # beside those of training
SERVING = ("fastapi", "uvicorn", "prometheus_client")
LINEAR_DOES_WITHOUT = ("torch", "transformers")  # to be fitted
CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def require_training(*, linear: bool = False, lora: bool = False) -> None:
    """Raises MissingExtraError with the exact pip line for this system unless the packages of the
    extra `train` are installed, of which a linear model does without some, and with `lora` peft. Loads none of them."""
    missing = missing_for_training()
    _refuse("training", [name for name in missing if not linear or name not in LINEAR_DOES_WITHOUT])
    if lora and importlib.util.find_spec("peft") is None:
        raise MissingExtraError(
            f"--lora needs peft, not installed in {sys.prefix}", todo='Run: pip install "whet[train,lora]"'
        )


def require_estimator() -> None:
    """The same of what an estimator of scikit-learn is made of."""
    missing = missing_for_training()
    _refuse("whet.TextClassifier", [name for name in missing if name == "scikit-learn"])


def has_onnx() -> bool:
    """Whether exported models can be answered with."""
    return importlib.util.find_spec("onnxruntime") is not None


def require_onnx() -> None:
    """Raises MissingExtraError without what the answers of an exported model need."""
    if not has_onnx():
        raise MissingExtraError(
            f"an exported model needs onnxruntime, not installed in {sys.prefix}", todo="Run: pip install onnxruntime"
        )


def require_export() -> None:
    """The same of what `whet export` needs."""
    require_training()
    missing = [name for name in EXPORT_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"an export needs {', '.join(missing)}, not installed in {sys.prefix}",
            todo='Run: pip install "whet[train,export]"',
        )


def require_tuning(*, lora: bool = False) -> None:
    """The same of what `whet tune` needs."""
    require_training(lora=lora)
    missing = [name for name in TUNING if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"a search needs {', '.join(missing)}, not installed in {sys.prefix}",
            todo='Run: pip install "whet[train,tune]"',
        )


def require_serving() -> None:
    """Raises MissingExtraError unless the packages of the extra `serve` are installed. Loads none of them."""
    missing = [package for package in SERVING if importlib.util.find_spec(package) is None]
    if missing:
        raise MissingExtraError(
            f"whet serve needs {', '.join(missing)}, not installed in {sys.prefix}",
            todo='Run: pip install "whet[serve]"',
        )


def missing_for_training() -> list[str]:
    """The packages of the extra `train` that are not installed, as pip calls them. Loads none."""
    missing = [package for package in TRAIN_PACKAGES if importlib.util.find_spec(package) is None]
    return ["scikit-learn" if package == "sklearn" else package for package in missing]


def pip_line() -> str:
    """The command that installs what training needs here: on a Linux or Windows machine without an
    NVIDIA card PyTorch's CPU index spares several gigabytes of CUDA."""
    pip = 'pip install "whet[train,embedded]"'
    if platform.system() == "Darwin" or machine.nvidia().driver:
        return pip
    return f"{pip} --extra-index-url {CPU_INDEX}"


def _refuse(who: str, missing: list[str]) -> None:
    if missing:
        raise MissingExtraError(
            f"{who} needs {', '.join(missing)}, not installed in {sys.prefix}", todo=f"Run: {pip_line()}"
        )
