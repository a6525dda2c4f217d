from training.splicing import spliced

TEXTS = ["가 나 다", "라  마", "바", ""]


def test_a_made_text_begins_like_one_text_and_ends_like_one() -> None:
    for text in spliced(TEXTS, 200, seed=1):
        words = text.split(" ")
        assert words[0] in {"가", "라", "바"}
        assert words[-1] in {"가", "나", "다", "라", "마", "바"}
        assert len(words) <= 6


def test_made_texts_are_mixed_and_new_ones_among_them() -> None:
    made = spliced(TEXTS, 200, seed=1)

    assert len(made) == 200
    assert {"가 나 마", "라 다", "가 가 나 다"} <= set(made)


def test_the_same_seed_makes_the_same_texts() -> None:
    assert spliced(TEXTS, 50, seed=3) == spliced(TEXTS, 50, seed=3) != spliced(TEXTS, 50, seed=4)
