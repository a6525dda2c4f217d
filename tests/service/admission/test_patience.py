from service.admission.patience import Patience


def test_a_burst_may_make_others_wait_for_the_longest_time() -> None:
    patience = Patience(0.5)
    patience.begin(100.0)
    assert patience.longest_s(100.0) == patience.longest_s(100.5) == 0.5


def test_a_queue_that_has_stood_for_so_long_is_allowed_a_fifth() -> None:
    patience = Patience(0.5)
    patience.begin(100.0)
    assert patience.longest_s(100.6) == 0.1


def test_once_nobody_waited_the_next_burst_is_one_again() -> None:
    patience = Patience(0.5)
    patience.begin(100.0)
    patience.begin(100.6)
    assert patience.longest_s(100.7) == 0.5
