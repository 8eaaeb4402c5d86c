"""Data sets of the hub, and objects of the `datasets` package, as tables."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from whet.data.delimited import PORTION, check_names
from whet.data.growing import Columns, Disk
from whet.data.places import row_places
from whet.errors import DataError, MissingExtraError
from whet.hub.reach import endpoint, unreachable_because
from whet.records import Source, Table
from whet.sentences.bilingual import said

UNLABELLED = -1
"""What the hub writes where a class is not known."""


def read_hub(spec: str, disk: Disk | None = None) -> Source:
    """Every split of a hub data set. `spec` is NAME, OWNER/NAME, NAME/CONFIG or OWNER/NAME/CONFIG.

    The splits of a data set that is cached on this machine are read although the hub cannot be
    reached; a split that has no labels at all is left out where others have some. Code of a data set is
    never run. Raises MissingExtraError without the `datasets` package, and DataError where there is
    no such data set or, within seconds, no hub.
    """
    if importlib.util.find_spec("datasets") is None:
        raise MissingExtraError(
            "reading a hub data set needs the package datasets, which is not installed",
            where=f"hf:{spec}",
            todo='Run: pip install "whet[hub]"',
        )
    parts = spec.split("/")
    if not all(parts) or len(parts) > 3:
        raise DataError("not the name of a hub data set", where=f"hf:{spec}", expected="hf:NAME or hf:NAME/CONFIG")
    for name in {"/".join(parts[:2]), parts[0]}:
        _refuse_shadowed(name, spec)
    notices = []
    reason = unreachable_because()
    if reason:
        if not _cached("/".join(parts[:2])) and not _cached(parts[0]):
            raise DataError(
                f"the hub at {endpoint()} could not be reached ({reason}), and this data set is not cached here",
                where=f"hf:{spec}",
                todo=_elsewhere(spec),
            )
        notices.append(said({"hub": endpoint(), "reason": reason, "name": spec}, "from the cache"))
    source = source_of(_load(spec, parts, from_cache=bool(reason)), name=f"hf:{spec}", disk=disk)
    return Source(source.name, source.tables, (*notices, *source.notices))


def source_of(loaded: object, *, name: str, disk: Disk | None = None) -> Source:
    """A `datasets.Dataset` or `DatasetDict` as tables, one a split; a Dataset is the table `train`.

    The values of a ClassLabel column become the ids as strings, and the table's label_names hold
    the names; -1 becomes None. Where there are several ClassLabel columns, each holds its names.
    Columns that are too large for memory lie on the `disk`. A data set that is streamed raises DataError.
    """
    import datasets

    if isinstance(loaded, datasets.Dataset):
        return Source(name, {"train": _table(loaded, name, disk)})
    if not isinstance(loaded, datasets.DatasetDict):
        raise DataError(
            f"an object of type {type(loaded).__name__} cannot be read",
            where=name,
            expected="a datasets.Dataset or a DatasetDict",
            todo="Load it without streaming=True",
        )
    filled = {split: data for split, data in loaded.items() if len(data)}
    bare = [split for split, data in filled.items() if _is_unlabelled(data)]
    if len(bare) == len(filled):
        bare = []
    tables = {split: _table(data, f"{name}[{split}]", disk) for split, data in filled.items() if split not in bare}
    if not tables:
        raise DataError("has no rows", where=name)
    empty = [split for split in loaded if split not in filled]
    notices = [said({"name": name, "split": split}, "a split without labels") for split in bare]
    notices += [said({"name": name, "split": split}, "a split without rows") for split in empty]
    return Source(name, tables, tuple(notices))


def _load(spec: str, parts: list[str], *, from_cache: bool) -> Any:
    """A/B is the data set B of owner A, else the configuration B of the data set A."""
    import datasets

    # datasets hands on the errors of whichever HTTP client huggingface_hub was built on.
    http_error: type[Exception] = import_module("huggingface_hub.errors").HTTPError
    tries = [("/".join(parts[:2]), parts[2] if len(parts) == 3 else None)]
    if len(parts) == 2:
        tries.append((parts[0], parts[1]))
    missing: list[str] = []
    for name, config in tries:
        try:
            return _from_cache(name, config) if from_cache else datasets.load_dataset(name, config)
        except FileNotFoundError as fault:  # datasets' own "no such data set" among them
            missing.append(_told(fault))
        except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError, http_error) as fault:
            raise DataError(
                f"the hub data set cannot be loaded: {_told(fault)}", where=f"hf:{spec}", todo=_elsewhere(spec)
            ) from fault
    raise DataError(
        f"not found on the hub at {endpoint()}, or not open to you: {'; '.join(missing)}",
        where=f"hf:{spec}",
        todo="Look the name up there, or give a local file, with its extension or with a slash",
    )


def _from_cache(name: str, config: str | None) -> Any:
    """What load_dataset ends with when the hub cannot be reached, without its half minute of retries."""
    from datasets.packaged_modules.cache.cache import Cache

    try:
        builder = Cache(
            dataset_name=name.rpartition("/")[2], repo_id=name, config_name=config, version="auto", hash="auto"
        )
    except ValueError as fault:
        raise FileNotFoundError(_told(fault)) from fault
    return builder.as_dataset()


def _told(fault: Exception) -> str:
    """A library's message on one line."""
    return (" ".join(str(fault).split()) or type(fault).__name__)[:300].rstrip(".")


def _elsewhere(spec: str) -> str:
    return (
        "Give a local file instead (csv, tsv, jsonl or parquet), or load it once on a machine that reaches the "
        f"hub, with datasets.load_dataset({spec!r}), copy its Hugging Face folder and let HF_HOME name the copy"
    )


def _refuse_shadowed(name: str, spec: str) -> None:
    """datasets.load_dataset prefers a local folder, and loaders of its own (one of them opens the
    pickles of the working folder), to a data set of the same name on the hub."""
    from datasets.packaged_modules import _PACKAGED_DATASETS_MODULES

    if name in _PACKAGED_DATASETS_MODULES:
        raise DataError(f"{name} is a file format, not a data set", where=f"hf:{spec}", expected="hf:OWNER/NAME")
    if Path(name).exists():
        raise DataError(
            f"{name} exists here, and the loader of hub data sets would read it instead of the hub's",
            where=f"hf:{spec}",
            todo=f"Give ./{name} to read what is here, or run from another folder to read the hub's",
        )


def _cached(name: str) -> bool:
    """Whether a data set was prepared on this machine by `datasets`."""
    import datasets
    from datasets.naming import camelcase_to_snakecase

    *owner, last = name.split("/")
    folder = Path(datasets.config.HF_DATASETS_CACHE) / "___".join([*owner, camelcase_to_snakecase(last)])
    return any(True for _ in folder.glob("*/*/*/dataset_info.json"))


def _class_columns(data: Any) -> list[str]:
    import datasets

    return [name for name, feature in data.features.items() if isinstance(feature, datasets.ClassLabel)]


def _is_unlabelled(data: Any) -> bool:
    """Whether every class of every row is -1."""
    names = _class_columns(data)
    if not names:
        names = [name for name, feature in data.features.items() if name in ("label", "labels") and _is_int(feature)]
    if not names:
        return False
    arrow = data.select_columns(names).with_format("arrow")[:]
    return all(set(arrow.column(name).unique().to_pylist()) <= {UNLABELLED, None} for name in names)


def _is_int(feature: Any) -> bool:
    return str(getattr(feature, "dtype", "")).startswith(("int", "uint"))


def _table(data: Any, source: str, disk: Disk | None) -> Table:
    if not len(data):
        raise DataError("has no rows", where=source)
    names = list(data.column_names)
    check_names(names, source)
    classes = _class_columns(data)
    label_names: Mapping[str, str] = {}
    spelled: dict[str, dict[int, str]] = {}
    for name in classes:
        spelled[name] = {i: str(known) for i, known in enumerate(data.features[name].names)}
        if len(classes) == 1:
            label_names = {str(i): known for i, known in spelled[name].items()}
            spelled[name] = {i: str(i) for i in spelled[name]}
    kept = Columns(disk)
    columns = {name: kept.new() for name in names}
    for batch in data.with_format("arrow").iter(PORTION):  # of files that the package maps into memory
        for name, column in columns.items():
            values = batch.column(name).to_pylist()
            column.extend([spelled[name].get(value) for value in values] if name in spelled else values)
    return Table(source, {name: column.done() for name, column in columns.items()}, row_places(len(data)), label_names)
