"""The models that are compared: versions of a store by their names, or run directories, behind one form."""

import json
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_store.encoder import TextEncoder
from model_store.golden import Scorer
from model_store.layout import (
    FUSED_BATCH_GRAPH,
    FUSED_GRAPH,
    NAME_PATTERN,
    StoredVersion,
    VersionRef,
    list_versions,
    verify,
)
from model_store.operators.fused_graph import check_fused_graph
from training.config import TrainingConfig
from training.errors import ConfigError

_REFERENCE = re.compile(rf"({NAME_PATTERN.pattern})(?:/([1-9][0-9]{{0,8}}))?")
_RUN_SETTINGS = "config.toml"


@dataclass(frozen=True, slots=True)
class Contestant:
    """A model that can be asked.

    Attributes:
        name: what it is called, such as `gru/1` or the path of its run.
        variant: the entry of the table of variants that built it.
        config: the settings that it was trained with; None if its manifest does not say so.
        labels: its classes, in the order of its probabilities.
        encoder: how text becomes its ids.
        max_tokens: how many ids of a text it sees when it is served.
        engine: what scores here: `fused` (as the service does), or `tensorflow` where there is no fused graph.
        parameters: number of weights; None if a foreign version does not say so.
        score_one: scores one row, or a few.
        score_many: scores many rows at once.
    """

    name: str
    variant: str
    config: TrainingConfig | None
    labels: tuple[str, ...]
    encoder: TextEncoder
    max_tokens: int
    engine: str
    parameters: int | None
    score_one: Scorer
    score_many: Scorer


def open_all(names: Sequence[str], store: Path) -> list[Contestant]:
    """Open the models of those names, in order.

    Args:
        names: `gru/1`, `gru` (its newest version), or the directory of a finished run.
        store: where the versions lie.

    Raises:
        ConfigError: if one is unknown or named twice, or their labels differ.
        StoreError: if a version is refused.
        ResumeError: if a run has no finished epoch.
    """
    contestants: list[Contestant] = []
    for name in names:
        contestant = _open(name, store)
        if any(contestant.name == other.name for other in contestants):
            raise ConfigError(f"{contestant.name} is named twice; two different models are needed to compare")
        contestants.append(contestant)
    first = contestants[0]
    for other in contestants[1:]:
        if set(other.labels) != set(first.labels):
            raise ConfigError(
                f"the labels differ: {first.name} knows {', '.join(first.labels)}; "
                f"{other.name} knows {', '.join(other.labels)}"
            )
    return contestants


def _open(name: str, store: Path) -> Contestant:
    known = list_versions(store)
    found = _REFERENCE.fullmatch(name)
    if found:
        versions = [ref for ref in known if ref.name == found[1] and found[2] in (None, str(ref.version))]
        if versions:
            return open_version(verify(store, versions[-1]))
    if Path(name, _RUN_SETTINGS).is_file():
        return open_run(Path(name))
    there = ", ".join(map(str, known)) or "nothing"
    raise ConfigError(f"{name} is neither a version of {store} (there is {there}) nor the directory of a run")


def open_version(stored: StoredVersion) -> Contestant:
    """Open a version of a store whose files were found unaltered."""
    manifest = stored.manifest
    parameters = manifest.metrics.get("parameters")
    if manifest.fused_graph:
        scorers = _fused(stored.path / FUSED_GRAPH, stored.path / FUSED_BATCH_GRAPH)
    else:
        from training.exporter import saved_model_scorer  # noqa: PLC0415 - TensorFlow, only where it is needed

        scorers = (saved_model_scorer(stored.path),) * 2
    return Contestant(
        name=str(VersionRef(manifest.name, manifest.version)),
        variant=manifest.variant,
        config=_settings(manifest.provenance.get("settings")),
        labels=manifest.labels,
        encoder=stored.load_encoder(),
        max_tokens=manifest.max_tokens,
        engine="fused" if manifest.fused_graph else "tensorflow",
        parameters=None if parameters is None else int(parameters),
        score_one=scorers[0],
        score_many=scorers[1],
    )


def open_run(run: Path) -> Contestant:
    """Open a finished run, as it would be served after publication, but for its temperature, which it gets there.

    Raises:
        ResumeError: if it has no finished epoch.
    """
    # TensorFlow, only where it is needed
    from training.backend import keras_scorer  # noqa: PLC0415
    from training.lowering import NotCoveredError  # noqa: PLC0415
    from training.recipe import load_run  # noqa: PLC0415
    from training.variants import find_variant  # noqa: PLC0415

    trained = load_run(run)
    try:
        scorers, engine = _lowered(trained.model), "fused"
    except NotCoveredError:
        scorers, engine = (keras_scorer(trained.model),) * 2, "tensorflow"
    return Contestant(
        name=str(run),
        variant=trained.config.variant,
        config=trained.config,
        labels=tuple(json.loads((run / "labels.json").read_text(encoding="utf-8"))),
        encoder=trained.encoder,
        max_tokens=find_variant(trained.config.variant).max_tokens(trained.config),
        engine=engine,
        parameters=int(trained.model.count_params()),
        score_one=scorers[0],
        score_many=scorers[1],
    )


def _settings(found: Any) -> TrainingConfig | None:
    try:
        return TrainingConfig(**found)
    except (ConfigError, TypeError):  # of another maker, or of a later release
        return None


def _lowered(model: Any) -> tuple[Scorer, Scorer]:
    from training.lowering import NotCoveredError, lower  # noqa: PLC0415
    from training.stepping import lower_for_many  # noqa: PLC0415

    graphs: list[Callable[[Any], Any]] = [lower, lower_for_many]
    with tempfile.TemporaryDirectory() as directory:
        paths = [Path(directory, f"{number}.onnx") for number in range(len(graphs))]
        for path, make in zip(paths, graphs, strict=True):
            try:
                path.write_bytes(make(model).SerializeToString())
            except NotCoveredError:
                if make is lower:
                    raise
        return _fused(*paths)


def _fused(few: Path, many: Path) -> tuple[Scorer, Scorer]:
    """Open a fused graph, and that for many rows if there is one, with the options of the service."""
    one = _session(few)
    return one, _session(many) if many.is_file() else one


def _session(path: Path) -> Scorer:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read while it is imported
    import onnxruntime  # noqa: PLC0415 - once it is known that something will be scored

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_mem_pattern = options.enable_cpu_mem_arena = False
    raw = path.read_bytes()
    check_fused_graph(raw, path.name)
    session = onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])

    def score(ids: NDArray[np.int32]) -> NDArray[np.float32]:
        [probabilities] = session.run(["probabilities"], {"ids": ids})
        return np.asarray(probabilities)

    return score
