"""The page of all experiments that are declared, each leading to its report."""

from html import escape

from service.schemas_experiments import ArmStatus, ExperimentList, ExperimentStatus
from service.web.elements import badge, table
from service.web.shell import Page
from service.web.words import Words

PLACE = "/ui/experiments"

_COLUMNS = ("name", "state", "mode", "arms", "coverage", "phase")


def experiments_page(listed: ExperimentList, words: Words) -> Page:
    """Return the page that lists every experiment."""
    heading = f'<h1>{words("experiments.heading")}</h1><p class="lead">{words("experiments.lead")}</p>'
    title = words.plain("experiments.title")
    return Page(title=title, place=PLACE, body=f"{heading}{_broken(listed.broken, words)}{_list(listed, words)}")


def _list(listed: ExperimentList, words: Words) -> str:
    if not listed.experiments:
        return f'<p>{words("experiments.none")}</p><pre tabindex="0"><code>{words("experiments.how")}</code></pre>'
    columns = [words.plain(f"experiments.{name}") for name in _COLUMNS]
    rows = [_row(status, words) for status in listed.experiments]
    return table(words.plain("experiments.caption"), columns, rows) + "".join(map(_reason, listed.experiments))


def _row(status: ExperimentStatus, words: Words) -> list[str]:
    name = escape(status.name)
    return [
        f'<a href="{PLACE}/{name}">{name}</a>',
        badge(status.state, words),
        words.known("modes", status.mode),
        ", ".join(map(_arm, status.arms)),
        f"{status.coverage:.0%}",
        str(status.phase or "–"),
    ]


def _arm(arm: ArmStatus) -> str:
    version = arm.model if arm.version is None else f"{arm.model}/{arm.version}"
    return escape(version if arm.name == arm.model else f"{arm.name} ({version})")


def _reason(status: ExperimentStatus) -> str:
    if not status.reason:
        return ""
    return f'<p class="problem" lang="en"><b>{escape(status.name)}</b> {escape(status.reason)}</p>'


def _broken(broken: str | None, words: Words) -> str:
    if broken is None:
        return ""
    return f'<div class="problem"><p>{words("experiments.broken")}</p><p lang="en">{escape(broken)}</p></div>'
