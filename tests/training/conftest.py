from collections.abc import Iterator
from pathlib import Path

import pytest

POSITIVE = ("정말 재미있게 봤어요", "최고의 영화입니다", "배우 연기가 좋아요", "또 보고 싶은 작품", "감동적인 이야기")
NEGATIVE = ("너무 지루해요", "최악의 영화입니다", "연기가 별로예요", "시간이 아까운 작품", "이야기가 엉망이에요")
ENDINGS = ("", " ㅋㅋ", " ㅠㅠ", "!!", " 진짜", " 정말로", "...", " 역시", " 그래도", " 아무튼")


def reviews() -> Iterator[tuple[str, str]]:
    """Make up a hundred reviews with their labels."""
    for ending in ENDINGS:
        yield from ((text + ending, "good") for text in POSITIVE)
        yield from ((text + ending, "bad") for text in NEGATIVE)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A CSV file of a hundred made-up reviews."""
    path = tmp_path / "reviews.csv"
    lines = [f'"{text}",{label}\n' for text, label in reviews()]
    path.write_text("text,label\n" + "".join(lines), encoding="utf-8")
    return path
