"""The versions in the memory of the process that explains, those asked for last."""

import hashlib
from collections import OrderedDict
from pathlib import Path

from model_store.errors import SignatureError, StoreError
from model_store.layout import FUSED_GRAPH, VersionRef, verify
from service.engines.onnx import OnnxRuntime
from service.errors import EngineError
from service.explain.explanation import Explainable
from service.explain.graph import read_graph
from service.explain.replay import Replay

MOST_VERSIONS = 16
"""Kept in memory; as many as one request may name."""


class ChangedError(Exception):
    """The files of a version are no longer those that the service loaded."""


class _Pinned:
    """Takes one manifest only, before anything of it is interpreted: the one that the service verified and trusted."""

    def __init__(self, digest: str) -> None:
        self._digest = digest

    def check(self, manifest: bytes, signature: bytes | None) -> None:  # noqa: ARG002 - the service has seen to it
        """Compare its hash."""
        if hashlib.sha256(manifest).hexdigest() != self._digest:
            raise SignatureError("was replaced since the service loaded it")


class Shelf:
    """Loads versions, and keeps some.

    Args:
        store: where they lie.
        most: how many are kept.
    """

    def __init__(self, store: Path, most: int = MOST_VERSIONS) -> None:
        self._store = store
        self._most = most
        self._runtime = OnnxRuntime()
        self._kept: OrderedDict[str, Explainable] = OrderedDict()

    def get(self, ref: VersionRef, digest: str) -> Explainable:
        """Return a version, whichever engine serves it: its fused graph is what is explained.

        Args:
            ref: its name and number.
            digest: of its manifest, and thereby of all its files, when the service loaded it.

        Raises:
            ChangedError: if its files are others by now.
            NotCoveredError: if the replay does not know all of its graph.
        """
        if digest not in self._kept:
            self._kept[digest] = self._load(ref, digest)
        self._kept.move_to_end(digest)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return self._kept[digest]

    def _load(self, ref: VersionRef, digest: str) -> Explainable:
        try:
            stored = verify(self._store, ref, _Pinned(digest))
            graph = read_graph((stored.path / FUSED_GRAPH).read_bytes())
            return Explainable(stored, stored.load_encoder(), self._runtime.open(stored), Replay(graph))
        except (StoreError, EngineError, OSError) as error:
            raise ChangedError(str(error)) from error
