"""Settings that suit the model and the number of rows, where nobody chose them.

For small encoders they come from trials of one, MiniLM (docs/log.md); for others from what the papers that the models
came with are known for. The recipe `reference` has the plain ones instead. Why these: docs/decisions/0041-defaults.md.
Loads no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from whet.sentences.bilingual import Bilingual, joined, said
from whet.settings.config import Resolved, Settings

SMALL, LARGE = 512, 1024  # hidden units up to which an encoder is a small one, and from which it is a large one
EPOCHS = ((10_000, 3.0), (200_000, 2.0))  # up to so many training rows; beyond, FEWEST
FEWEST = 1.0
# Steps of short texts are for a good part work that each has whatever its size. Of more than so many rows whose
# texts have so many characters at the most, larger ones train a small encoder faster, and no worse (docs/log.md).
MANY, SHORT = 10_000, 200.0
LARGER, FASTER = 32, 1.4  # rows a step, and times the learning rate: about the root of how much larger they are
PASSES = 2.0  # over many short texts: with fewer a small encoder learns them best as `for_few_passes` has it
LARGEST, FASTEST = 64, 2.0  # rows a step then, and times the learning rate
OF_A_PART = 5e-4  # the learning rate of LoRA, and of a head alone


@dataclass(frozen=True, slots=True)
class Rates:
    """How fast a model is to learn, as the settings of these names have it."""

    learning_rate: float
    llrd: float
    warmup: float
    source: str
    """Who found that."""


NAMES = ("learning_rate", "llrd", "warmup")
BERT, ROBERTA = "Devlin et al. 2018, arXiv 1810.04805", "Liu et al. 2019, arXiv 1907.11692"
ELECTRA, DEBERTA = "Clark et al. 2020, arXiv 2003.10555", "He et al. 2021, arXiv 2111.09543"
OF_MINILM = Rates(2e-4, 0.8, 0.06, "docs/log.md")
_OURS = {"source": OF_MINILM.source}
OF_ROBERTA = (OF_MINILM, Rates(2e-5, 1.0, 0.06, ROBERTA), Rates(1e-5, 1.0, 0.06, ROBERTA))
OF_DEBERTA = Rates(2e-5, 1.0, 0.06, DEBERTA)
# By model_type: of small ones, of those between, of large ones. Other families train as the reference job does.
OF_FAMILIES: Mapping[str, tuple[Rates, Rates, Rates]] = {
    "bert": (OF_MINILM, Rates(3e-5, 1.0, 0.1, BERT), Rates(2e-5, 1.0, 0.1, BERT)),
    "roberta": OF_ROBERTA,
    "xlm-roberta": OF_ROBERTA,
    "electra": (Rates(1.5e-4, 0.8, 0.1, ELECTRA), Rates(1e-4, 0.8, 0.1, ELECTRA), Rates(5e-5, 0.9, 0.1, ELECTRA)),
    "deberta-v2": (OF_DEBERTA, OF_DEBERTA, Rates(1e-5, 1.0, 0.06, DEBERTA)),
}


def suited(resolved: Resolved, config: Mapping[str, object], rows: int, characters: float) -> tuple[Resolved, str]:
    """The job with the rates of its model, of which `config` is the configuration, or of a part of it, and the epochs
    of so many training rows, whose texts have so many characters in the mean; and what is to be said of it. Rates of a
    model go together: where somebody chose one, the others are those of the reference job."""
    resolved, part = with_epochs(resolved, rows), part_of(resolved.settings)
    if part is not None:
        return _of_a_part(resolved, part)
    return _of_model(resolved, config, many_short=rows > MANY and characters <= SHORT)


def part_of(settings: Settings) -> str | None:
    """What is trained with a higher rate than a whole model: small matrices, or the head alone."""
    return "lora" if settings.lora is not None else "head" if settings.freeze == "encoder" else None


def with_epochs(resolved: Resolved, rows: int) -> Resolved:
    """The job with the epochs of so many training rows, where nobody chose them."""
    if resolved.reasons["epochs"] != "default":
        return resolved
    return resolved.with_value("epochs", epochs_of(rows), why_epochs(rows))


def for_few_passes(resolved: Resolved, epochs: float) -> Resolved:
    """The job without dropout, with frozen embeddings and still larger steps, each where nobody chose it, where it has
    time for less than PASSES `epochs` over many short texts, for which a small encoder was given larger steps."""
    reasons = resolved.reasons
    if reasons["batch_size"] != said(_OURS, "many short texts") or epochs >= PASSES:
        return resolved
    rate = FASTEST * OF_MINILM.learning_rate
    changes = {"batch_size": LARGEST, "learning_rate": rate, "dropout": 0.0, "freeze": "embeddings"}
    for name, value in changes.items():
        if name in ("batch_size", "learning_rate") or reasons[name] == "default":
            resolved = resolved.with_value(name, value, said(_OURS, "few passes"))
    return resolved


def suited_to_few_passes(resolved: Resolved) -> tuple[str, ...]:
    """The settings that are as they are because there are few passes."""
    return tuple(name for name, reason in resolved.reasons.items() if reason == said(_OURS, "few passes"))


def told_of_few_passes(resolved: Resolved) -> Bilingual:
    """What is to be said of these."""
    values = {name: getattr(resolved.settings, name) for name in suited_to_few_passes(resolved)}
    changes = ", ".join(f"{name} {value if isinstance(value, str) else f'{value:g}'}" for name, value in values.items())
    return said({"changes": changes}, "suited to few passes")


def why_epochs(rows: int) -> str:
    """The reason of theirs."""
    return said({"rows": rows}, "epochs of so many rows")


def _of_model(resolved: Resolved, config: Mapping[str, object], *, many_short: bool) -> tuple[Resolved, str]:
    rates = rates_of(config)
    if rates is None or any(resolved.reasons[name] != "default" for name in NAMES):
        return resolved, ""
    reason = said({"source": rates.source}, "rates of a model")
    for name in NAMES:
        resolved = resolved.with_value(name, getattr(rates, name), reason)
    facts = {"rate": rates.learning_rate, "llrd": rates.llrd, "warmup": rates.warmup, "reason": reason}
    if rates is not OF_MINILM or not many_short or resolved.reasons["batch_size"] != "default":
        return resolved, said(facts, "suited")
    rate, reason = FASTER * rates.learning_rate, said(_OURS, "many short texts")
    resolved = resolved.with_value("batch_size", LARGER, reason).with_value("learning_rate", rate, reason)
    resolved = for_few_passes(resolved, resolved.settings.epochs)
    facts |= {"rate": resolved.settings.learning_rate, "batch": resolved.settings.batch_size}
    told = said(facts, "suited to many short texts")
    return resolved, joined(told, told_of_few_passes(resolved)) if suited_to_few_passes(resolved) else told


def _of_a_part(resolved: Resolved, part: str) -> tuple[Resolved, str]:
    """Small matrices that begin at zero want a higher rate than the weights that they stand beside: ten times that of
    a whole training over many models and data sets (Schulman et al. 2025, LoRA Without Regret), and 4e-4 to 5e-4 for
    RoBERTa in the table of the paper they come from (Hu et al. 2021, arXiv 2106.09685). A head that is trained alone,
    with the rate of a whole training, has hardly moved by its end: docs/log.md."""
    if resolved.reasons["learning_rate"] != "default":
        return resolved, ""
    facts = {"rate": OF_A_PART, "default": resolved.settings.learning_rate}
    return resolved.with_value("learning_rate", OF_A_PART, said({}, f"rate of {part}")), said(facts, f"rate for {part}")


def rates_of(config: Mapping[str, object]) -> Rates | None:
    """The rates for a model by its family and width; None where the family is not known."""
    family, width = OF_FAMILIES.get(str(config["model_type"])), config.get("hidden_size")
    if family is None or not isinstance(width, int):
        return None
    small, between, large = family
    return small if width <= SMALL else large if width >= LARGE else between


def epochs_of(rows: int) -> float:
    """The epochs for so many training rows."""
    return next((epochs for most, epochs in EPOCHS if rows <= most), FEWEST)
