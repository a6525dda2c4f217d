"""The further reviews of the corpus that NSMC was made from, beside their texts: the star rating of each."""

import numpy as np
from numpy.typing import NDArray

from training.config import TrainingConfig
from training.datasets import data_directory, existing, load_unlabelled
from training.errors import DataError
from training.tables import read_text

STARS = "nsmc/reviews_unlabelled.ratings.txt"
RATINGS = {str(rating) for rating in range(1, 11)}


def load_stars(config: TrainingConfig) -> NDArray[np.int64]:
    """Read the star ratings of the further reviews.

    Returns:
        1 to 10 for each of what `load_unlabelled` returns, in order.

    Raises:
        DataError: if one is not such a number, or there are not as many as reviews.
    """
    path = existing(data_directory(config) / STARS)
    lines = read_text(path).splitlines()
    for number, line in enumerate(lines, start=1):
        if line not in RATINGS:
            raise DataError(path, f"{line!r} is not a rating from 1 to 10", number)
    reviews = len(load_unlabelled(config))
    if len(lines) != reviews:
        raise DataError(path, f"{len(lines)} ratings of {reviews} reviews")
    return np.array([int(line) for line in lines], dtype=np.int64)
