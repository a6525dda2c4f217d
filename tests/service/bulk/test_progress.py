import io

from service.bulk.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def shown(out: io.StringIO, updates: list[tuple[float, int, float | None]]) -> str:
    clock = Clock()
    progress = Progress(out, clock)
    clock.now = 105.0
    progress.start()
    for at_s, rows, share in updates:
        clock.now = 105.0 + at_s
        progress.update(rows, share)
    progress.end("done")
    return out.getvalue()


def test_a_terminal_gets_a_bar_with_rate_and_time_left() -> None:
    text = shown(Terminal(), [(0, 1000, 0.2), (10, 9000, 0.6)])
    assert "[##############..........]  60%  10,000 texts, 1,000 texts/s, 0:10 left" in text
    assert text.endswith("\r\x1b[Kdone\n")


def test_elsewhere_there_is_a_line_every_few_seconds() -> None:
    text = shown(io.StringIO(), [(second, 100, second / 25) for second in range(25)])
    assert [line.split("%")[0][-3:] for line in text.splitlines()] == [" 40", " 80", "one"]
    assert "\r" not in text


def test_a_pipe_has_no_time_left_and_hours_are_hours() -> None:
    assert "left" not in shown(io.StringIO(), [(11, 100, None)])
    assert "2:46:30 left" in shown(io.StringIO(), [(0, 1, 0.0), (10, 100, 0.001), (10.0, 0, 0.001)])


def test_before_anything_is_known_no_time_is_promised() -> None:
    assert "? left" in shown(io.StringIO(), [(11, 100, 0.1)])


def test_silence_is_silent() -> None:
    progress = Progress(None)
    progress.update(5, 0.5)
    progress.end("done")
    assert progress.rate > 0
