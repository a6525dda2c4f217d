"""What is shown of one model and one text, as numbers ready to be written as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_store.encoder import UNKNOWN_ID, TextEncoder, Token
from model_store.layout import StoredVersion
from service.engines import Engine
from service.explain.integral import WHOLE, Study, study
from service.explain.memory import reach
from service.explain.recurrence import Trace
from service.explain.replay import Replay
from service.scoring import score_rows

_SIGNED = frozenset({"candidate", "cell", "hidden"})
"""What is positive in one unit and negative in another, so that only its size has a mean that says something."""

_BATCH_TOKENS = 16_384
"""Of one call of the engine; with fewer, too few rows of a long text go together for the graph that reads many."""


@dataclass(frozen=True, slots=True)
class Explainable:
    """A version in the memory of the process that explains.

    Attributes:
        stored: where it lies and what its manifest says.
        encoder: turns a text into ids, and knows their characters.
        engine: scores beginnings of the text, and the text without each of its tokens, all at once.
        replay: shows what happens inside.
    """

    stored: StoredVersion
    encoder: TextEncoder
    engine: Engine
    replay: Replay

    def explain(self, text: str, followed: int, served: Sequence[float], *, units: bool) -> dict[str, Any]:
        """Explain what the model says of a text; the fields are those of `service.schemas_explanation`.

        Args:
            text: with something in it to score.
            followed: place of the label whose probability is followed.
            served: the probabilities that the service gave.
            units: whether to show every unit of every gate.
        """
        started = perf_counter()
        tokens = self.encoder.tokens(text)[: self.stored.manifest.max_tokens]
        ids = [token.id for token in tokens]
        studied = study(self.replay, ids, followed, int(np.argmax(served)))
        beginnings, without = self._scores(ids, followed)
        return {
            "replay_difference": _digits(np.abs(studied.run.probabilities[WHOLE] - served).max()),
            "tokens": [_shown(token) for token in tokens],
            "trajectory": _rounded(beginnings),
            "occlusion": _rounded(beginnings[-1] - without),
            "integrated_gradients": _integral(studied),
            "memory": [_digits(norm) for norm in np.linalg.norm(studied.pull, axis=1)[::-1]],
            "layers": [
                _layer(number, trace, units=units)
                for number, traces in enumerate(studied.run.layers, 1)
                for trace in traces
            ],
            "explain_ms": round((perf_counter() - started) * 1e3, 3),
        }

    def _scores(self, ids: list[int], followed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the probability of every beginning of a text, and of the text without each of its tokens."""
        places = range(len(ids))
        rows = [*(ids[: place + 1] for place in places), *(ids[:place] + ids[place + 1 :] for place in places)]
        scored = score_rows(self.engine, rows, _BATCH_TOKENS)
        for failure in scored.failures.values():
            raise failure
        of_label = np.array([row[followed] for row in scored.probabilities])
        return of_label[: len(ids)], of_label[len(ids) :]


def _shown(token: Token) -> dict[str, Any]:
    return {"start": token.start, "end": token.end, "known": token.id != UNKNOWN_ID}


def _integral(studied: Study) -> dict[str, Any]:
    integral = studied.integral
    return {
        "values": _rounded(integral.values),
        "baseline": round(integral.baseline, 6),
        "completeness_error": _digits(integral.error),
        "steps": integral.points,
    }


def _layer(number: int, trace: Trace, *, units: bool) -> dict[str, Any]:
    cell = trace.reader.cell
    values = {name: trace.values[name][:, WHOLE] for name in cell.gates}
    return {
        "layer": number,
        "direction": trace.reader.direction,
        "cell": cell.name,
        "units": cell.units,
        "gates": {
            name: _rounded((np.abs(value) if name in _SIGNED else value).mean(axis=1), 4)
            for name, value in values.items()
        },
        "memory": [_digits(norm) for norm in reach(trace, WHOLE)],
        "per_unit": {name: _rounded(value, 4) for name, value in values.items()} if units else None,
    }


def _rounded(values: NDArray[Any], decimals: int = 6) -> Any:
    return np.round(values.astype(np.float64), decimals).tolist()


def _digits(value: float) -> float:
    """Keep six digits, wherever they begin: these numbers may be very small."""
    return float(f"{value:.6g}")
