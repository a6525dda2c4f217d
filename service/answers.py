"""Writes predictions as JSON by hand: all that does not change between two answers of a version is prepared once."""

import json
from collections.abc import Sequence
from functools import lru_cache

from model_store.layout import VersionRef
from service.experiments.live import Part


class PredictionWriter:
    """Writes the predictions of one version; the bytes are those of `schemas.Prediction`.

    Probabilities get six decimals: the seventh of a 32-bit float near one is noise.

    Args:
        ref: the version.
        labels: its labels, in the order of its probabilities.
        certain_from: an answer whose probability is lower is uncertain; 0 if none is.
    """

    def __init__(self, ref: VersionRef, labels: Sequence[str], certain_from: float = 0.0) -> None:
        self._certain_from = certain_from
        scores = ",".join(f"{_literal(label)}:%s" for label in labels)
        tail = f'"scores":{{{scores}}},"model":{_literal(ref.name)},"version":{ref.version},'
        self._templates = [
            [
                [
                    f'{{"prediction_id":"%s","label":{_literal(label)},"score":%s,{tail}"truncated":{truncated},'
                    f'"uncertain":{uncertain},"experiment":%s}}'
                    for uncertain in ("false", "true")
                ]
                for truncated in ("false", "true")
            ]
            for label in labels
        ]

    def write(
        self, prediction_id: str, label: int, probabilities: Sequence[float], truncated: bool, part: Part | None
    ) -> str:
        """Return one prediction as a JSON object.

        Args:
            prediction_id: goes in as it is, so it must need no escape.
            label: the index of the most probable label.
            probabilities: one for each label, in their order.
            truncated: whether the model saw only the beginning of the text.
            part: what the prediction is to an experiment; None if nothing.
        """
        numbers = [f"{probability:.6f}" for probability in probabilities]
        template = self._templates[label][truncated][probabilities[label] < self._certain_from]
        return template % (prediction_id, numbers[label], *numbers, _experiment(part))


@lru_cache(maxsize=256)
def _experiment(part: Part | None) -> str:
    """Return what a request is to an experiment, as JSON; there are as many as arms and reasons."""
    return "null" if part is None else json.dumps(part._asdict(), ensure_ascii=False, separators=(",", ":"))


def _literal(text: str) -> str:
    """Return `text` as JSON, safe inside of a template."""
    return json.dumps(text, ensure_ascii=False).replace("%", "%%")
