"""The chapters of the tour: what each asks the service, draws, and hands over to the words of the page."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.datasets import Dataset
from training.tour import disagreement, pictures
from training.tour.gates import Readings, alike, extremes, readings, without_place
from training.tour.pictures import NAMES
from training.tour.remembering import STEPS, Curve, left_after, of_answer, of_state
from training.tour.sentences import COMMENT, NEGATIONS, TURN
from training.tour.service import Service

MODELS = ("rnn", "lstm", "gru")
"""The models that are compared, as the service names them."""

Figures = dict[str, object]
"""What the words of the page ask for, by name."""

Explained = Mapping[str, Mapping[str, Any]]
"""What the service explains of one text, by model."""

_LATE = 30
"""Steps back, from which on a token is far away."""


def sentences(service: Service, folder: Path) -> Figures:
    """The sentences of the tour, read by every model."""
    comment, turn = (_explained(service, each.text, units=True) for each in (COMMENT, TURN))
    pictures.reading(folder / "comment.png", COMMENT.text, [comment[name] for name in MODELS])
    pictures.reading(folder / "turn.png", TURN.text, [turn[name] for name in MODELS])
    pictures.gates(folder / "gates.png", TURN.text, turn)
    pictures.units(folder / "units.png", TURN.text, turn)
    table = {each: [service.probabilities([each.text], model)[0] for model in MODELS] for each in NEGATIONS}
    return {
        "comment": COMMENT.text,
        "comment_english": COMMENT.english,
        "turn": TURN.text,
        "turn_english": TURN.english,
        "comment_answers": _answers(comment),
        "turn_answers": _answers(turn),
        "negations": _table(
            ("", *(NAMES[model] for model in MODELS)),
            ((f"{each.text} ({each.english})", *(f"{value:.2f}" for value in row)) for each, row in table.items()),
        ),
    }


def gates(service: Service, texts: Sequence[str]) -> Figures:
    """At which tokens gates open and close."""
    explained = [(text, _explained(service, text)) for text in texts if text.strip()]
    read = {name: readings((text, models[name]) for text, models in explained) for name in MODELS}
    placeless = {name: without_place(each) for name, each in read.items()}
    rows = []
    for name, gate in (("lstm", "forget"), ("lstm", "input"), ("lstm", "output"), ("gru", "update"), ("gru", "reset")):
        lowest, highest = extremes(read[name], gate, 8)
        mean = f"{read[name].gates[gate].mean():.2f}"
        rows.append((f"{NAMES[name]} {gate}", mean, _listed(lowest), _listed(highest)))
    pairs = (("forget", "update"), ("input", "update"), ("forget", "input"))
    return {
        "gate_texts": f"{len(explained):,}",
        "gate_tokens": f"{len(read['lstm'].tokens):,}",
        "gate_table": _table(("gate", "mean", "lowest at", "highest at"), rows),
        **{f"{one}_{other}": f"{_alike(read, one, other):+.2f}" for one, other in pairs},
        "input_update_placeless": f"{_alike(placeless, 'input', 'update'):+.2f}",
    }


def memory(service: Service, texts: Iterable[str], count: int, folder: Path) -> Figures:
    """How far back the models remember, on texts that are long enough."""
    explained: list[Explained] = []
    for text in texts:
        models = _explained(service, text)
        if all(len(model["tokens"]) >= STEPS for model in models.values()):
            explained.append(models)
        if len(explained) == count:
            break
    states = {name: of_state(models[name] for models in explained) for name in MODELS}
    answers = {name: of_answer(models[name] for models in explained) for name in MODELS}
    pictures.memory(folder / "memory.png", states, answers)
    shown = (1, 2, 5, 10, 20, STEPS - 1)
    return {
        "memory_texts": len(explained),
        "memory_table": _table(
            ("steps back", *map(str, shown), "a tenth is left after"),
            (
                (NAMES[name], *(f"{curve.middle[k]:.4f}" for k in shown), _steps(left_after(curve, 0.1)))
                for name, curve in states.items()
            ),
        ),
        **{f"answer_{name}": f"{_late(curve):.2f}" for name, curve in answers.items()},
    }


def models(service: Service) -> Figures:
    """How good and how large the models are."""
    served = {each["model"]: each for each in service.models()}
    parameters = {name: int(served[name]["metrics"]["parameters"]) for name in MODELS}
    rows = []
    for name in MODELS:
        metrics = served[name]["metrics"]
        rows.append((f"`{name}/{served[name]['version']}`", f"{metrics['accuracy']:.4f}", f"{parameters[name]:,}"))
    return {
        "model_table": _table(("model", "accuracy", "parameters"), rows),
        "gru_more": f"{parameters['gru'] - parameters['rnn']:,}",
        "lstm_more": f"{parameters['lstm'] - parameters['rnn']:,}",
        "gru_saves": f"{parameters['lstm'] - parameters['gru']:,}",
    }


def disagreements(service: Service, test: Dataset) -> Figures:
    """Where the models disagree."""
    places = [place for place, text in enumerate(test.texts) if text.strip()]
    texts, truth = [test.texts[place] for place in places], test.classes[places]
    probabilities = {name: service.probabilities(texts, name) for name in MODELS}
    rights = {name: (values > 0.5) == truth for name, values in probabilities.items()}
    labels = [test.labels[each] for each in truth]
    patterns = disagreement.patterns(rights)
    unlike = sum(count for pattern, count in patterns.items() if any(pattern) and not all(pattern))
    return {
        "test_texts": f"{len(texts):,}",
        "unlike": f"{unlike:,}",
        "unlike_share": f"{unlike / len(texts):.1%}",
        "all_wrong": f"{patterns[(False,) * len(MODELS)]:,}",
        **{f"alone_{name}": f"{_alone(patterns, place):,}" for place, name in enumerate(MODELS)},
        "pattern_table": _table(
            (*(NAMES[name] for name in MODELS), "texts"),
            ((*("right" if right else "wrong" for right in row), f"{count:,}") for row, count in patterns.items()),
        ),
        "slice_table": _table(
            ("texts", "how many", *(NAMES[name] for name in MODELS), "not all the same"),
            (
                (
                    each.name,
                    f"{each.texts:,}",
                    *(f"{each.accuracy[name]:.4f}" for name in MODELS),
                    f"{each.disagreed:.1%}",
                )
                for each in disagreement.slices(texts, rights)
            ),
        ),
        "example_table": _table(
            ("alone", "text", "label", *(NAMES[name] for name in MODELS)),
            (
                (NAMES[name], _plain(each.text), each.label, *(f"{each.probability[other]:.2f}" for other in MODELS))
                for name in MODELS
                for each in disagreement.alone(texts, labels, probabilities, name)[:3]
            ),
        ),
    }


def _explained(service: Service, text: str, *, units: bool = False) -> Explained:
    return {model["model"]: model for model in service.explain(text, MODELS, units=units)}


def _answers(models: Explained) -> str:
    """Say what each model answers."""
    return ", ".join(f"{NAMES[name]} {models[name]['scores']['positive']:.2f}" for name in MODELS)


def _alike(read: Mapping[str, Readings], gate: str, other: str) -> float:
    """Return the correlation of a gate of the LSTM with one of the GRU, or else with another of its own."""
    beside = "gru" if other in read["gru"].gates else "lstm"
    return alike(read["lstm"], gate, read[beside], other)


def _late(curve: Curve) -> float:
    return float(np.mean(curve.middle[_LATE:]))


def _alone(patterns: Mapping[tuple[bool, ...], int], place: int) -> int:
    """Count the texts on which the model in this place says what no other says."""
    return sum(
        count
        for pattern, count in patterns.items()
        if pattern.count(pattern[place]) == 1  # right or wrong alone
    )


def _listed(tokens: Iterable[tuple[str, float]]) -> str:
    return ", ".join(f"{token} {value:.2f}" for token, value in tokens)


def _steps(steps: int | None) -> str:
    return f"more than {STEPS - 1} steps" if steps is None else f"{steps} steps"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown, numbers to the right."""
    filled = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    columns = zip(*filled, strict=True)
    lines = ["---:" if all(_numeric(cell) for cell in column) else "---" for column in columns]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, lines, *filled))


def _plain(text: str) -> str:
    """Return a text as Markdown that shows it as it is."""
    return re.sub(r"([\\`*_<>\[\]~])", r"\\\1", text)


def _numeric(cell: str) -> bool:
    return cell.replace(",", "").replace(".", "").replace("%", "").isdigit()
