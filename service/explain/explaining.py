"""The use case of explaining: what several models say of one text, scored as always, and why, from another process."""

import json
from collections.abc import Sequence
from typing import Any

from service.comparing import Compared, Comparer, consensus
from service.errors import InvalidRequestError, NotExplainableError, NotReadyError, ServiceError
from service.explain.asking import ExplainingProcess
from service.explain.frames import Reply
from service.model import Model
from service.schemas_explanation import MAX_UNIT_MODELS, ExplainRequest
from service.security.callers import ANYONE, Caller


class Explainer:
    """Explains what the models of a registry say. Nothing of it is stored or counted as an answer of a model.

    Args:
        comparer: chooses the models and scores the text.
        process: explains.
    """

    def __init__(self, comparer: Comparer, process: ExplainingProcess) -> None:
        self._comparer = comparer
        self._process = process

    async def explain(self, request: ExplainRequest, caller: Caller = ANYONE) -> bytes:
        """Return the answer as JSON; `service.schemas_explanation.Explanation` says what stands in it.

        The process writes it: here, numbers by the thousand would keep other requests waiting.

        Args:
            request: the text, and whose answers shall be explained.
            caller: who asks; as in `Comparer.compare`, the text is counted once for each model.

        Raises:
            NotExplainableError: if a version has no fused graph, or one that the replay does not know all of.
            InvalidRequestError: if no model gives the label, or too many are asked for all their units.
            ExplanationsBusyError, ExplanationTimeoutError: if there is too much to explain.
            NotReadyError: if the files of a version have changed, or the process died.
            ServiceError: whatever `Comparer.compare` raises.
        """
        models = self._choose(request)
        labels = models[0].stored.manifest.labels
        _check_label(request.label, labels)
        compared = await self._comparer.score(models, request.text, caller)
        label = request.label or (labels[1] if len(labels) == 2 else consensus(compared).label)
        return _answer(await self._process.ask(json.dumps(_question(request, compared, label)).encode()))

    def _choose(self, request: ExplainRequest) -> list[Model]:
        models = self._comparer.choose(request.models)
        if request.models is None:
            models = [model for model in models if model.stored.manifest.fused_graph] or models
        for model in models:
            if not model.stored.manifest.fused_graph:
                reason = model.stored.manifest.fused_reason
                raise NotExplainableError(f"{model.ref} has no fused graph to explain it by: {reason}")
        if request.units and len(models) > MAX_UNIT_MODELS:
            raise InvalidRequestError(f"units are shown of at most {MAX_UNIT_MODELS} models at once", "invalid_field")
        return models


def _check_label(label: str | None, labels: Sequence[str]) -> None:
    if label is not None and label not in labels:
        raise InvalidRequestError(f"label must be one of those of the models: {', '.join(labels)}", "invalid_field")


def _question(request: ExplainRequest, compared: Sequence[Compared], label: str) -> dict[str, Any]:
    labels, most = compared[0].model.stored.manifest.labels, consensus(compared)
    agreement = {"label": most.label, "share": round(most.share, 6), "unanimous": most.share == 1}
    return {
        "text": request.text,
        "followed": labels.index(label),
        "units": request.units,
        "head": {"label": label, "labels": labels, "agreement": agreement},
        "models": [_model(item) for item in compared],
    }


def _model(compared: Compared) -> dict[str, Any]:
    ref, stored = compared.model.ref, compared.model.stored
    scores = [round(probability, 6) for probability in compared.probabilities]
    return {
        "model": ref.name,
        "version": ref.version,
        "digest": stored.digest,
        "served": compared.probabilities,
        "shown": {
            "model": ref.name,
            "version": ref.version,
            "variant": stored.manifest.variant,
            "answer": compared.label,
            "score": max(scores),
            "scores": dict(zip(stored.manifest.labels, scores, strict=True)),
            "time_ms": round(compared.seconds * 1e3, 3),
            "truncated": compared.encoded.truncated,
            "uncertain": compared.uncertain,
            "unknown_tokens": compared.encoded.unknown,
        },
    }


def _answer(reply: Reply) -> bytes:
    match reply.kind:
        case "answered":
            return reply.body
        case "not_covered":
            raise NotExplainableError(reply.body.decode())
        case "changed":
            raise NotReadyError(f"the files of a version have changed: {reply.body.decode()}")
        case "failed":
            raise ServiceError("the explanation failed; the event was logged")
