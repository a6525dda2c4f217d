from service.listing import aligned


def test_columns_stand_below_each_other_and_the_last_one_is_not_padded() -> None:
    rows = [("name", "state", "why"), ("a", "waiting", "why not"), ("longer", "ok", "a long reason")]
    assert aligned(rows).splitlines() == [
        "name    state    why",
        "a       waiting  why not",
        "longer  ok       a long reason",
    ]
