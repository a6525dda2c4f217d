"""The service with a mistake in how it changes versions: the one that the variable MISTAKE names.

The proof of swaps must find it.
"""

import os
import sys
from collections.abc import Callable

from model_store.layout import VersionRef
from service.__main__ import main
from service.engines.onnx import OnnxEngine
from service.registry import Registry, State


def gap() -> None:
    """Drop the old version before the new one is ready."""
    load = Registry.load

    async def hasty(registry: Registry, ref: VersionRef) -> bool:
        for old, entry in list(registry.entries.items()):
            if old.name == ref.name and entry.state is State.READY and old != ref:
                await registry.unload(old)
        return await load(registry, ref)

    Registry.load = hasty  # type: ignore[method-assign, assignment]


def mixture() -> None:
    """Let a new version score with the graph of the one before it."""
    before: list[dict[str, object]] = []
    load_whole = Registry._load_whole

    async def confused(registry: Registry, ref: VersionRef) -> bool:
        loaded = await load_whole(registry, ref)
        model = registry.entries[ref].model
        if ref.name == "gru" and model is not None and isinstance(model.engine, OnnxEngine):
            own = {name: getattr(model.engine, name) for name in ("_one", "_few", "_shared")}
            for name, value in before[-1].items() if before else ():
                setattr(model.engine, name, value)
            before.append(own)
        return loaded

    Registry._load_whole = confused  # type: ignore[method-assign, assignment]


MISTAKES: dict[str, Callable[[], None]] = {"gap": gap, "mixture": mixture}

if __name__ == "__main__":
    MISTAKES[os.environ["MISTAKE"]]()
    sys.exit(main(sys.argv[1:]))
