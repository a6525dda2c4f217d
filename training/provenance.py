"""What a run learnt from, noted in its directory when its training starts: the data may lie elsewhere later."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training.config import TrainingConfig, read_config
from training.errors import ResumeError
from training.runs import CONFIG
from training.soft_labels import read_origin

TRACKS = ("A", "B", "B with stars")
"""The labelled training part only; further reviews as text, too; and their star ratings, too."""

ORIGIN = "origin.json"


def note_origin(run: Path, config: TrainingConfig) -> None:
    """Note in the directory of a run what it learns from.

    Raises:
        DataError: if its further texts were labelled by teachers that may have seen its validation part.
    """
    (run / ORIGIN).write_text(json.dumps(origin_of(config), ensure_ascii=False), encoding="utf-8")


def origin_of(config: TrainingConfig) -> dict[str, Any]:
    """Return the track of a run with these settings, where its soft labels are from, and how many phrases it learns.

    Labels that do not say where they are from may be from all there is.
    """
    phrases = {"phrases": config.phrases} if config.phrases else {}
    reads_further = config.pretrained or config.variant == "pretrained_embedding"
    own = "B" if reads_further else "A"
    if config.extra is None:
        return {"track": own, **phrases}
    origin = read_origin(Path(config.extra), config)
    if origin is None:
        return {"track": TRACKS[-1], **phrases}
    return {"track": max(own, origin.track, key=TRACKS.index), "soft_labels": asdict(origin), **phrases}


def read_run_origin(run: Path) -> dict[str, Any]:
    """Return what `note_origin` noted; of older runs, what their settings say.

    Raises:
        ResumeError: if that cannot be read.
    """
    path = run / ORIGIN
    if not path.exists():
        return {"track": TRACKS[-1]} if read_config(run / CONFIG, {}).extra else {"track": TRACKS[0]}
    try:
        noted: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if noted["track"] not in TRACKS:
            raise ResumeError(f"{path}: track {noted['track']!r} is none of {', '.join(TRACKS)}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResumeError(f"{path} cannot be read: {error}") from error
    return noted
