from service.traffic import Assignment, assign


def test_without_a_name_the_default_model_answers() -> None:
    assert assign(None, None, "gru") == Assignment("gru", None)


def test_a_named_model_answers_itself() -> None:
    assert assign("rnn", 2, "gru") == Assignment("rnn", 2)
    assert assign("rnn", None, "gru") == Assignment("rnn", None)
