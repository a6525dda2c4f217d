import pytest

from model_store.layout import VersionRef
from service.bulk.columns import added_columns, find_text_column
from service.errors import StartError

LABELS, REF = ("negative", "positive"), VersionRef("gru", 2)


def test_what_is_added_is_named_plainly_where_nothing_has_these_names() -> None:
    added = added_columns(["text"], LABELS, REF)
    assert added.names == ("label", "score", "probability_negative", "probability_positive", "uncertain", "model")
    assert added.model == "gru/2"


@pytest.mark.parametrize("columns", [["text", "label"], ["label", "predicted_model"]])
def test_names_never_collide_with_those_of_the_input(columns: list[str]) -> None:
    names = added_columns(columns, LABELS, REF).names
    assert set(names).isdisjoint(columns)
    assert all(name.startswith("predicted_") for name in names)


def test_the_column_of_the_texts_is_text_or_the_only_one_or_the_one_that_is_named() -> None:
    assert find_text_column(["id", "text"], None) == 1
    assert find_text_column(["review"], None) == 0
    assert find_text_column(["review", "text"], "review") == 0


@pytest.mark.parametrize("columns", [["review"], ["a", "b"], ["c", "c"]])
def test_a_column_that_was_named_must_be_there(columns: list[str]) -> None:
    with pytest.raises(StartError, match="--text-column"):
        find_text_column(columns, "c")
