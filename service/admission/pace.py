"""How fast a queue gets shorter, as it was observed while there was one."""

_WEIGHT = 0.2
"""Of the newest observation: a change of pace is believed after half a dozen of them."""


class Pace:
    """Seconds for each unit of work, smoothed.

    Args:
        unit_s: what is believed before anything was observed, in seconds.
    """

    __slots__ = ("unit_s",)

    def __init__(self, unit_s: float) -> None:
        self.unit_s = unit_s

    def observe(self, seconds: float, units: float) -> None:
        """Take note that so much work was done in so many seconds, in which there was always more of it."""
        self.unit_s += _WEIGHT * (seconds / units - self.unit_s)

    def bound(self, seconds: float, units: float) -> None:
        """Take note that so much work was done in so many seconds, in which there was not always more of it.

        Else what was believed in a bad moment would stay: it lets so few wait that there is never more than is done.
        """
        if seconds < units * self.unit_s:
            self.observe(seconds, units)
