"""Notebooks of examples/ executed by a Jupyter kernel, on tiny settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbclient
import nbformat

from tests.meta.source import REPOSITORY

SECONDS = 900  # for a cell
# What is written smaller for a test: the way through the notebook stays the same.
TINY = {
    '"max_length": 128, "learning_rate": 2e-4': '"max_length": 16, "epochs": 0.2, "train_rows": 40, "test_rows": 20',
    "TRAIN_ROWS, TEST_ROWS = 700, 500": "TRAIN_ROWS, TEST_ROWS = 24, 12",
    "num_train_epochs=2": "num_train_epochs=1",
    "max_length=128)": "max_length=16)",
}


class Executed:
    """The outputs of a notebook that ran from its first cell to its last in one kernel, in `folder`. A cell that
    raises ends it with nbclient's CellExecutionError."""

    def __init__(self, path: Path, folder: Path) -> None:
        # What a program prints that a cell starts reaches the notebook through the kernel's descriptors, which
        # ipykernel leaves alone where it believes to be tested itself.
        environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
        environment |= {
            "PYTHONPATH": str(REPOSITORY / "src"), "IPYTHONDIR": str(folder / ".ipython"),
            "JUPYTER_RUNTIME_DIR": str(folder / ".jupyter"),
        }  # fmt: skip
        book = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        for cell in book.cells:
            for written, tiny in TINY.items():
                cell.source = cell.source.replace(written, tiny)
        client = nbclient.NotebookClient(
            book, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
        )
        client.execute(env=environment)
        self._cells = [cell for cell in book.cells if cell.cell_type == "code"]

    def __len__(self) -> int:
        return len(self._cells)

    def counts(self) -> list[int | None]:
        """In which turn each cell was executed."""
        return [cell.execution_count for cell in self._cells]

    def printed(self, part: str) -> str:
        """What the cell that has `part` in its source wrote to its standard output."""
        return "".join(out.text for out in self._of(part) if out.output_type == "stream" and out.name == "stdout")

    def warned(self) -> str:
        """What all cells wrote to standard error."""
        outputs = [out for cell in self._cells for out in cell.outputs]
        return "".join(out.text for out in outputs if out.output_type == "stream" and out.name == "stderr")

    def shown(self, part: str) -> dict[str, str]:
        """The value of the last expression of that cell, by media type."""
        (result,) = (out for out in self._of(part) if out.output_type == "execute_result")
        return dict(result.data)

    def _of(self, part: str) -> list[Any]:
        (outputs,) = (cell.outputs for cell in self._cells if part in cell.source)
        return list(outputs)
