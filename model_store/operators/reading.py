"""Reads the messages of a model that nobody trusts yet: wherever a name could stand, and no more than a model needs."""

from collections.abc import Iterator

from model_store.errors import OperatorError, WireError
from model_store.wire import Value, fields

MOST_FIELDS = 1_000_000
"""A model has a hundredth of them; what has more would fill the memory of whoever reads it."""


class Reader:
    """Reads messages and counts their fields, all of them together.

    A field that may stand once is read as often as it stands: parsers differ in which of them they take.

    Args:
        name: of the file, for errors.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._left = MOST_FIELDS

    def fields(self, message: memoryview) -> Iterator[tuple[int, Value]]:
        """Yield the fields of a message: number and value.

        Raises:
            OperatorError: if it is damaged or has too many.
        """
        try:
            for field in fields(message):
                self._left -= 1
                if self._left < 0:
                    raise OperatorError(f"{self.name} has more than {MOST_FIELDS} fields")
                yield field
        except WireError as error:
            raise OperatorError(f"{self.name} is damaged: {error}") from error

    def inside(self, message: memoryview, *path: int) -> Iterator[memoryview]:
        """Yield all bytes that stand at `path`, the numbers of fields from the outermost to the innermost."""
        if not path:
            yield message
            return
        for number, value in self.fields(message):
            if number == path[0]:
                yield from self.inside(self.bytes_of(value), *path[1:])

    def texts(self, message: memoryview, *path: int) -> list[str]:
        """Return every text at `path`."""
        return [self.text(found) for found in self.inside(message, *path)]

    def text(self, value: Value) -> str:
        """Return a value as text."""
        try:
            return str(self.bytes_of(value), "utf-8")
        except UnicodeDecodeError as error:
            raise OperatorError(f"{self.name} is damaged: a name is not UTF-8") from error

    def bytes_of(self, value: Value) -> memoryview:
        """Return a value that must be bytes."""
        if isinstance(value, int):
            raise OperatorError(f"{self.name} is damaged: a number stands where bytes should")
        return value
