"""The errors of training; each says what was found, what was expected, and what to do.

TrainingError
├── ConfigError      a setting that is unknown, of the wrong type or out of range
├── DataError        a file or row that cannot be used, with file and line
├── ResumeError      a run that cannot be continued
├── ParityError      Keras, SavedModel and fused graph do not agree, so nothing was published
└── ServiceError     the service that should be asked does not start
"""

from pathlib import Path


class TrainingError(Exception):
    """Training cannot go on as asked."""


class ConfigError(TrainingError):
    """A setting is unknown, of the wrong type or out of range."""


class DataError(TrainingError):
    """A data file cannot be used.

    Attributes:
        path: the file.
        line: the line of the first unusable row, counted from 1; None when the file as a whole is meant.
    """

    def __init__(self, path: Path, reason: str, line: int | None = None) -> None:
        where = f"{path}:{line}" if line else str(path)
        super().__init__(f"{where}: {reason}")
        self.path = path
        self.line = line


class ResumeError(TrainingError):
    """A run cannot be continued from its checkpoint."""


class ParityError(TrainingError):
    """What would be published does not give the scores of the trained model."""


class ServiceError(TrainingError):
    """The service that should be asked does not start."""
