"""How far a run has come, kept in a small file so that it can go on after an interruption."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from model_store.files import flush
from service.bulk.rows import Position
from service.errors import StartError


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything before it is on the disk.

    Attributes:
        identity: what the run is about; only a run about the same may go on from here.
        position: where the next chunk of the input begins; None before the first.
        output_bytes: length of the output.
        rejected_bytes: length of the file of rejected rows.
        scored: how many rows were scored.
        reasons: how many were not, by reason.
        complete: whether the input ends here.
    """

    identity: Mapping[str, Any]
    position: Position | None = None
    output_bytes: int = 0
    rejected_bytes: int = 0
    scored: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    complete: bool = False

    @property
    def rejected(self) -> int:
        """How many rows were not scored."""
        return sum(self.reasons.values())

    def write(self, path: Path) -> None:
        """Replace the file at `path` in one step that survives a loss of power."""
        fresh = path.with_name(f"{path.name}.new")
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(asdict(self), file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        flush(path.parent)


def read_checkpoint(path: Path, identity: Mapping[str, Any]) -> Checkpoint | None:
    """Return what `Checkpoint.write` wrote; None if there is no file.

    Raises:
        StartError: if it is of a run about something else, or not readable.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        position = found.pop("position")
        checkpoint = Checkpoint(**found, position=Position(*position) if position else None)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise StartError(f"{path} cannot be read; begin anew with --overwrite") from error
    expected = json.loads(json.dumps(identity))
    if different := [name for name in expected if checkpoint.identity.get(name) != expected[name]]:
        raise StartError(
            f"the interrupted run cannot go on: {', '.join(different)} changed since; begin anew with --overwrite"
        )
    return checkpoint
