"""The sentences of the tour, each with what it shows."""

from typing import NamedTuple


class Sentence(NamedTuple):
    """A sentence, and its English."""

    text: str
    english: str


COMMENT = Sentence(
    "사무직은 초근도 못하고, 추가 수당도 없고, 헬입니다. 그런데 생산직은 좋겠죠.",
    "Office workers cannot even do overtime, there is no extra pay either, it is hell. But it must be nice for those "
    "in production.",
)
"""A comment on the 52-hour week, on which the course's students stumbled: negative, and it ends on a kind word."""

TURN = Sentence(
    "처음부터 끝까지 지루하고 배우들 연기도 어색했는데 마지막 장면 하나는 정말 최고였다",
    "Boring from beginning to end, and the acting was awkward too, but that one last scene was truly the best.",
)
"""A turn late in the sentence."""

NEGATIONS = (
    Sentence("재미있다", "It is fun."),
    Sentence("안 재미있다", "It is not fun."),
    Sentence("재미있지 않다", "It is not fun (long form)."),
    Sentence("재미없다", "It is no fun."),
    Sentence("재미가 없지 않다", "It is not without fun."),
    Sentence("안 보면 후회할 영화", "A film you will regret not to see."),
)
"""Negation, once and twice."""
