"""What a round of an engine costs, fitted to those that were observed."""

_FORGETTING = 0.98
"""What an observation counts for after one more: the last fifty decide."""

_BELIEF = 0.1
"""What an expectation counts for against one observation: nothing, but where nothing was observed."""

_MANY_TOKENS = 8192.0
"""Of a round, for which the expectation is written down beside that for none."""


class Cost:
    """Seconds of a round as `round_s + tokens * token_s`: least squares, the newest observations first.

    An engine may take as long for one row as for eight, and only three times as long for sixty-four: a rate alone, of
    tokens in a second, would be wrong by a factor of ten for either few or many.

    Args:
        round_s: what a round is expected to take beside its tokens, before any was observed, in seconds.
        token_s: what a token is expected to take.
    """

    def __init__(self, round_s: float = 5e-4, token_s: float = 1e-6) -> None:
        self._round_s, self._token_s = round_s, token_s
        self._sums = [0.0] * 5
        expected = [_terms(tokens, round_s + tokens * token_s) for tokens in (0.0, _MANY_TOKENS)]
        self._expected = [_BELIEF * (none + many) for none, many in zip(*expected, strict=True)]

    def observe(self, tokens: int, seconds: float) -> None:
        """Take note of what a round took."""
        self._sums = [_FORGETTING * old + new for old, new in zip(self._sums, _terms(tokens, seconds), strict=True)]
        n, x, xx, y, xy = (seen + expected for seen, expected in zip(self._sums, self._expected, strict=True))
        self._token_s = max(0.0, (n * xy - x * y) / (n * xx - x * x))
        self._round_s = max(0.0, (y - self._token_s * x) / n)

    def seconds(self, tokens: float, rounds: int = 1) -> float:
        """Return how long so many tokens will take in so many rounds."""
        return rounds * self._round_s + tokens * self._token_s


def _terms(x: float, y: float) -> tuple[float, float, float, float, float]:
    """Return what an observation adds to the sums of the normal equations: of 1, x, xx, y and xy."""
    return 1.0, x, x * x, y, x * y
