"""The first page is light and soon there, and axe finds nothing in any page."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from playwright.sync_api import Browser, Page, Route, sync_playwright

from model_store.layout import DEFAULT_STORE
from tests.system.server import serving
from tests.system.web.home import COSTS, WIDE, ask, examples
from tests.system.web.states import LOOKS, STATES, violations

MOST_BYTES, SLOWEST_S = 200_000, 1.0
_LATE_MS = 1_500


class Size(NamedTuple):
    """How often the first page is opened, each time by a browser that has seen nothing, and how many looks axe gets."""

    loads: int
    looks: int


SMALL, FULL = Size(loads=2, looks=1), Size(loads=30, looks=len(LOOKS))


class Found(NamedTuple):
    """What the proof found.

    Attributes:
        bytes_sent: of the first page.
        bytes_answered: of the same with the answers to a long example.
        requests: of the first page.
        paints_s: seconds until each load showed something.
        late_s: the same when the style sheet is held back: the control.
        violations: what axe finds, in all states and looks.
        planted: how much it finds where a label and the language were taken away: the control.
    """

    bytes_sent: int
    bytes_answered: int
    requests: int
    paints_s: Sequence[float]
    late_s: float
    violations: Sequence[str]
    planted: int


def prove(size: Size, url: str) -> Found:
    """Run the proof against a service that has an experiment."""
    with sync_playwright() as playwright:
        path = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        costs = [_costs(browser, url) for _ in range(size.loads)]
        looks = list(LOOKS)[: size.looks]
        found = Found(
            bytes_sent=int(costs[0]["bytes"]),
            bytes_answered=int(_costs(browser, url, examples()["beginning"])["bytes"]),
            requests=int(costs[0]["requests"]),
            paints_s=sorted(cost["paint_s"] for cost in costs),
            late_s=_costs(browser, url, late=True)["paint_s"],
            violations=[said for look in looks for state in STATES for said in _violations(browser, url, state, look)],
            planted=_planted(browser, url),
        )
        browser.close()
    return found


def main(size: Size) -> str:
    """Return the proof as Markdown."""
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory, "service.log")
        state = {
            "NUNCHI_SECRET_FILE": str(Path(directory, "secret")),
            "NUNCHI_STORE": f"sqlite:///{directory}/nunchi.db",
            "NUNCHI_EXPERIMENTS": "deploy/experiments.toml",
        }
        with serving(DEFAULT_STORE, log, True, **state) as server:
            server.wait_until_loaded()
            found = prove(size, server.url)
    looks = size.looks * len(STATES)
    rows = {
        f"sent for `/`, {found.requests} requests": f"{found.bytes_sent / 1000:.1f} kB of {MOST_BYTES / 1000:.0f}",
        "the same with the answers to a long review": f"{found.bytes_answered / 1000:.1f} kB",
        f"until `/` shows something, {size.loads} loads": (
            f"{median(found.paints_s) * 1e3:.0f} ms at the median, {found.paints_s[-1] * 1e3:.0f} ms at most, "
            f"of {SLOWEST_S * 1e3:.0f}"
        ),
        f"the same with its style held back for {_LATE_MS:,} ms (control)": f"{found.late_s * 1e3:,.0f} ms",
        f"violations that axe finds, {looks} states of pages": "; ".join(sorted(set(found.violations))) or "0",
        "the same where a label and the language were taken away (control)": str(found.planted),
    }
    return "\n".join(
        [
            "## Pages",
            "",
            "In Chromium, against the service with the shipped models; every load by a browser that has seen nothing.",
            "",
            "| | |",
            "|---|---|",
            *(f"| {name} | {value} |" for name, value in rows.items()),
        ]
    )


def _costs(browser: Browser, url: str, text: str = "", late: bool = False) -> dict[str, float]:
    context = browser.new_context(viewport=WIDE, locale="en-US")
    page = context.new_page()
    if late:
        page.route("**/style.css", _hold)
    page.goto(url)
    page.wait_for_load_state("networkidle")
    if text:
        ask(page, text)
    costs: dict[str, float] = page.evaluate(COSTS)
    context.close()
    return costs


def _hold(route: Route) -> None:
    route.request.frame.page.wait_for_timeout(_LATE_MS)
    route.continue_()


def _violations(browser: Browser, url: str, state: str, look: str) -> list[str]:
    path, go = STATES[state]
    page = _opened(browser, url + path, look)
    go(page)
    found = [f"{state}, {look}: {said}" for said in violations(page)]
    page.context.close()
    return found


def _planted(browser: Browser, url: str) -> int:
    page = _opened(browser, url, next(iter(LOOKS)))
    page.evaluate("document.querySelector('label[for=text]').remove(); document.documentElement.lang = ''")
    found = violations(page)
    page.context.close()
    return len(found)


def _opened(browser: Browser, url: str, look: str) -> Page:
    page = browser.new_context(**LOOKS[look]).new_page()  # type: ignore[arg-type]
    page.goto(url)
    page.wait_for_load_state("networkidle")
    return page
