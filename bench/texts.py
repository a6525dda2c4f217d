"""The texts that are sent: real reviews where there are some, else made up; all different."""

import gzip
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

REVIEWS = Path("nsmc", "ratings_test.txt.gz")
"""Inside NUNCHI_DATA_DIR: tab-separated columns id, document, label."""

_SEED = 7
_WORDS = """
영화 배우 연기 감독 이야기 음악 장면 결말 주인공 대사 정말 너무 조금 다시 그냥 역시 생각보다 처음부터 끝까지 재밌어요
지루했다 감동적이고 아쉬웠지만 좋았습니다 별로였음 최고 추천해요 시간이 아깝다 웃기고 슬프다 기대했는데 몰입감이 있고
뻔하지만 훌륭한 어색한 따뜻한 무서운 아름다운 긴장감 넘치는 작품 ㅋㅋㅋ ㅠㅠ ... 10점 1점
"""


def reviews(count: int) -> tuple[list[str], str]:
    """Return at most `count` different texts in random order, the same in every run, and where they are from."""
    shuffled = random.Random(_SEED)
    path = Path(os.environ.get("NUNCHI_DATA_DIR", ""), REVIEWS)
    if "NUNCHI_DATA_DIR" in os.environ and path.exists():
        texts = sorted(set(_read(path)))
        shuffled.shuffle(texts)
        return texts[:count], "reviews of the NSMC test split"
    made = dict.fromkeys(_made_up(shuffled) for _ in range(count))
    return list(made), "sentences made up at random (NUNCHI_DATA_DIR is not set)"


def body(text: str) -> bytes:
    """Return the request that every server gets, but those that ask for another form."""
    return json.dumps({"text": text}, ensure_ascii=False).encode()


def _read(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        next(lines)
        for line in lines:
            text = line.split("\t")[1]
            if text.strip():
                yield text


def _made_up(source: random.Random) -> str:
    """As long as reviews are: 1 to 30 words, seven at the middle."""
    return " ".join(source.choices(_WORDS.split(), k=min(30, 1 + int(source.lognormvariate(1.8, 0.6)))))
