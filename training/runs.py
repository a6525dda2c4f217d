"""The directory of a run: whose settings it holds, and its text encoder."""

import json
from pathlib import Path

from model_store.encoder import ENCODERS, TextEncoder
from model_store.layout import MANIFEST, StoredVersion, VersionRef, verify
from training.config import TrainingConfig, read_config
from training.datasets import Corpus
from training.encoders import build_encoder
from training.errors import ConfigError, ResumeError
from training.history import CHECKPOINT

CONFIG = "config.toml"
LABELS = "labels.json"


def claim(run: Path, config: TrainingConfig) -> None:
    """Make `run` the directory of these settings.

    Raises:
        ResumeError: if a run of other settings has got somewhere in it, or it cannot be written.
    """
    lines = "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in config.to_dict().items())
    path = run / CONFIG
    try:
        run.mkdir(parents=True, exist_ok=True)
        if (run / CHECKPOINT).exists() and path.read_text(encoding="utf-8") != lines:
            raise ResumeError(f"{run} belongs to a run with other settings (see {path}); name another with --run")
        path.write_text(lines, encoding="utf-8")
    except OSError as error:
        raise ResumeError(f"{run} cannot be the directory of a run: {error}") from error


def run_encoder(run: Path, config: TrainingConfig, corpus: Corpus) -> TextEncoder:
    """Return the encoder of the run: that of another run, or learnt from the training part until there is a checkpoint.

    Raises:
        ResumeError: if the run whose encoder is asked for has none.
    """
    if not (run / CHECKPOINT).exists():
        source = config.pretrained or config.encoder_from
        if source:
            encoder = read_encoder(Path(source))
        else:
            encoder = build_encoder(config.encoder, config.vocabulary, corpus.train.texts)
        encoder.save(run)
        (run / LABELS).write_text(json.dumps(corpus.train.labels, ensure_ascii=False), encoding="utf-8")
    return ENCODERS[config.encoder].load(run / ENCODERS[config.encoder].filename)


def stored_at(path: Path) -> StoredVersion | None:
    """Return the published version that lies there; None if it is the directory of a run, or nothing.

    Raises:
        ResumeError: if it lies elsewhere than in NAME/NUMBER.
        StoreError: if its files are not those that were published.
    """
    if not (path / MANIFEST).is_file():
        return None
    version = path.resolve()
    if not version.name.isdecimal():
        raise ResumeError(f"{path} holds a version, which must lie in a directory NAME/NUMBER of a store")
    return verify(version.parent.parent, VersionRef(version.parent.name, int(version.name)))


def read_settings(source: Path) -> TrainingConfig:
    """Return the settings of a run or of a published version.

    Raises:
        ConfigError: if it is neither.
    """
    stored = stored_at(source)
    return TrainingConfig(**stored.manifest.provenance["settings"]) if stored else read_config(source / CONFIG, {})


def read_encoder(source: Path) -> TextEncoder:
    """Return the encoder of a run or of a published version.

    Raises:
        ResumeError: if it has none.
    """
    if stored := stored_at(source):
        return stored.load_encoder()
    try:
        kind = ENCODERS[read_config(source / CONFIG, {}).encoder]
        return kind.load(source / kind.filename)
    except (OSError, ConfigError) as error:
        raise ResumeError(f"{source} holds no text encoder: {error}") from error
