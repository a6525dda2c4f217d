from tests.prove import srm


def test_unsound_experiments_are_found_and_sound_ones_left_alone() -> None:
    found = srm.measure(srm.Size(2, 16_000, 1, 2500))
    assert found.skewed >= 1
    assert found.clean == 0
    assert found.corrections == srm.Ends(unhealthy=1, winners=0)
    assert found.disguised.winners == 0
    assert "traffic split 52/48" in srm.section(found)
