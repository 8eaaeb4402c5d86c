"""The study: which values are tried next, which trials are given up, which settings mattered. The only module that
knows Optuna, which keeps the trials in a SQLite file.

A trial is one row of that file, written when it is over. What is tried next hangs on the trials that are there, on the
seed and on the number of the trial alone, and not on the process that asks: a study that was killed goes on as if
nobody had.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from whet.errors import OutputError
from whet.tuning import space
from whet.tuning.records import Params, Trial
from whet.tuning.space import OneOf, Space

if TYPE_CHECKING:
    from optuna import Study as Search
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

NAME = "whet"
FILE = "study.sqlite3"
LEAST = 4  # complete trials from which importances are told; of fewer they are noise
SEEDS = 2**32


class Study:
    """A study in a folder. `minimise`: less of the metric is better. OutputError where its file cannot be used."""

    def __init__(self, folder: Path, searched: Space, *, seed: int, minimise: bool, prune: bool) -> None:
        self._path, self._space = folder / FILE, searched
        self._seed, self._prune = seed, prune
        self._direction: Literal["minimize", "maximize"] = "minimize" if minimise else "maximize"
        self._sign = -1.0 if minimise else 1.0
        self.trials: tuple[Trial, ...] = ()
        """In the order of their numbers."""
        with self._stored() as study:
            self.trials = tuple(sorted(map(_trial, study.get_trials(deepcopy=False)), key=lambda each: each.number))

    def ask(self, number: int, running: Sequence[Params]) -> dict[str, object]:
        """What trial `number` tries, while others run."""
        import optuna
        from optuna.trial import TrialState, create_trial

        distributions = self._distributions()
        sampler = optuna.samplers.TPESampler(seed=(self._seed * 1_000_003 + number) % SEEDS, multivariate=True)
        study = self._in_memory(sampler=sampler)
        study.add_trials(self._known(distributions))
        for params in running:
            if params.keys() == distributions.keys():
                study.add_trial(
                    create_trial(state=TrialState.RUNNING, params=dict(params), distributions=distributions)
                )
        with _quiet():
            params = study.ask(distributions).params
        return {name: params[name] for name in self._space}

    def hopeless(self, reports: Mapping[int, float]) -> bool:
        """Whether a trial with these scores by percent of its training is to be given up: it is worse than the median
        of the complete ones where they were as far, and their learning rates had fallen as far. That is Optuna's
        median pruner, which waits for five complete trials."""
        import optuna
        from optuna.trial import create_trial

        if not self._prune or not reports or max(reports) >= 100:
            return False
        now = max(reports)
        study = self._in_memory(pruner=optuna.pruners.MedianPruner())
        for trial in self.trials:
            if trial.state == "complete":
                so_far = [score for percent, score in sorted(trial.reports.items()) if percent <= now]
                there = {now: so_far[-1]} if so_far else {}
                study.add_trial(create_trial(value=trial.score, intermediate_values=there))
        with _quiet():
            asking = study.ask()
            for percent, score in reports.items():
                asking.report(score, percent)
            return bool(asking.should_prune())

    def tell(self, trial: Trial) -> None:
        """Keeps a trial that is over."""
        from optuna.trial import TrialState, create_trial

        states = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
        distributions = self._distributions()
        inside = space.inside(self._space, trial.params)
        about = {"number": trial.number, "params": dict(trial.params), "seconds": trial.seconds}
        about |= {"fault": trial.fault} if trial.fault else {}
        about |= {} if trial.same_as is None else {"same_as": trial.same_as}
        with self._stored() as study:
            study.add_trial(
                create_trial(
                    state=states[trial.state], value=trial.score, params=inside,
                    distributions={name: distributions[name] for name in inside}, user_attrs=about,
                    intermediate_values=dict(trial.reports),
                )
            )  # fmt: skip
        self.trials = tuple(sorted((*self.trials, trial), key=lambda each: each.number))

    @property
    def best(self) -> Trial | None:
        """Of the complete trials; of equal ones the first."""
        complete = [trial for trial in self.trials if trial.state == "complete" and trial.score is not None]
        return max(complete, key=lambda each: (self._sign * (each.score or 0.0), -each.number), default=None)

    def natural(self, score: float) -> float:
        """A score of which more is better, as its metric is told; and the other way."""
        return self._sign * score

    def importances(self) -> dict[str, float]:
        """What share of the spread of the scores each setting has by itself (fANOVA: Hutter et al., ICML 2014), the
        largest first; nothing where too few trials are complete, or all have the same score."""
        from optuna.importance import FanovaImportanceEvaluator, get_param_importances
        from optuna.trial import TrialState

        distributions = self._distributions()
        known = [each for each in self._known(distributions) if each.state == TrialState.COMPLETE]
        if len(known) < LEAST or len({each.value for each in known}) < 2:
            return {}
        study = self._in_memory()
        study.add_trials(known)
        with _quiet():
            found = get_param_importances(
                study, evaluator=FanovaImportanceEvaluator(seed=self._seed), params=list(self._space)
            )
        return {name: float(share) for name, share in found.items()}

    def _known(self, distributions: Mapping[str, BaseDistribution]) -> list[FrozenTrial]:
        """The trials within the space, as a sampler learns from them; to it one that failed is the worst."""
        from optuna.trial import TrialState, create_trial

        found = []
        for trial in self.trials:
            params = space.inside(self._space, trial.params)
            if params.keys() != distributions.keys():
                continue  # the job's own settings, where the space leaves them out
            complete = trial.state == "complete"
            found.append(
                create_trial(
                    state=TrialState.COMPLETE if complete else TrialState.PRUNED, params=params,
                    distributions=dict(distributions), value=trial.score, intermediate_values=dict(trial.reports),
                )
            )  # fmt: skip
        return found

    def _distributions(self) -> dict[str, BaseDistribution]:
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        made: dict[str, BaseDistribution] = {}
        for name, each in self._space.items():
            if isinstance(each, OneOf):
                values: Any = each.values
                made[name] = CategoricalDistribution(values)
            elif each.whole:
                made[name] = IntDistribution(int(each.low), int(each.high), log=each.log)
            else:
                made[name] = FloatDistribution(each.low, each.high, log=each.log)
        return made

    def _in_memory(self, **how: Any) -> Search:
        import optuna

        with _quiet():
            return optuna.create_study(direction=self._direction, **how)

    @contextmanager
    def _stored(self) -> Iterator[Search]:
        import optuna
        from sqlalchemy.exc import SQLAlchemyError
        from sqlalchemy.pool import NullPool

        try:
            with _quiet():
                # Not by a URL: in that of a path ?, % and { would mean something.
                opened = {"creator": partial(sqlite3.connect, self._path), "poolclass": NullPool}
                storage = optuna.storages.RDBStorage("sqlite://", engine_kwargs=opened)
                study = optuna.create_study(
                    storage=storage, study_name=NAME, direction=self._direction, load_if_exists=True
                )
                yield study
                storage.remove_session()
                storage.engine.dispose()
        except (SQLAlchemyError, optuna.exceptions.StorageInternalError, RuntimeError) as fault:
            said = str(fault.__cause__ or fault).splitlines()[0]
            raise OutputError(
                f"the study cannot be used: {said}", where=str(self._path),
                todo="Free space or restore the file, or start over with --fresh",
            ) from None  # fmt: skip


def _trial(stored: FrozenTrial) -> Trial:
    about = stored.user_attrs
    states: Any = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
    score = None if stored.value is None or not math.isfinite(stored.value) else float(stored.value)
    return Trial(
        about["number"], about["params"], states[stored.state.name], score, about["seconds"],
        dict(stored.intermediate_values), about.get("fault", ""), about.get("same_as"),
    )  # fmt: skip


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what Optuna logs of every trial."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
