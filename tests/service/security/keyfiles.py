"""Files of keys, for tests of what reads them."""

import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

KEY = "nunchi_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
OTHER_KEY = KEY[::-1]
UNKNOWN_KEY = KEY.swapcase()


def entry(key: str = KEY, scopes: tuple[str, ...] = ("predict",), **more: Any) -> dict[str, Any]:
    """Describe a key as its file does."""
    return {
        "name": "team-a",
        "sha256": sha256(key.encode()).hexdigest(),
        "scopes": list(scopes),
        "created": datetime(2026, 1, 1, tzinfo=UTC).isoformat(),
        **more,
    }


def write(path: Path, *entries: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"keys": entries}), encoding="utf-8")
    return path
