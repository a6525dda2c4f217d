import pytest

from model_store.errors import OperatorError
from model_store.operators import reading
from model_store.operators.reading import Reader
from tests.protobuf import chunk, number


def test_everything_at_a_path_is_found_and_nothing_else() -> None:
    raw = chunk(1, chunk(2, "a"), chunk(3, "b"), chunk(2, "c")) + chunk(2, "d") + chunk(1, chunk(2, "e"))
    assert Reader("a file").texts(memoryview(raw), 1, 2) == ["a", "c", "e"]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (number(1, 5), "a number stands where bytes should"),
        (chunk(1, b"\xff"), "a name is not UTF-8"),
        (chunk(1, "abc")[:-1], "a field ends beyond its message"),
    ],
)
def test_what_is_damaged_is_refused_with_the_name_of_the_file(raw: bytes, reason: str) -> None:
    with pytest.raises(OperatorError, match=f"a file is damaged: {reason}"):
        Reader("a file").texts(memoryview(raw), 1)


def test_fields_are_counted_over_all_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_FIELDS", 10)
    reader = Reader("a file")
    assert [len(list(reader.fields(memoryview(number(1, 1) * 5)))) for _ in range(2)] == [5, 5]
    with pytest.raises(OperatorError, match="more than 10 fields"):
        next(reader.fields(memoryview(number(1, 1))))
