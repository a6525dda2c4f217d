"""The page of all versions, and that of one: what became of it, how good it is, and how it was trained."""

from collections.abc import Mapping, Sequence
from html import escape

from model_store.layout import VersionRef
from model_store.manifest import Manifest
from service.registry import Entry
from service.schemas import ModelList, ModelStatus
from service.web.elements import badge, facts, section, table
from service.web.shell import Page
from service.web.version_files import plots_of
from service.web.words import Words

PLACE = "/ui/models"

_SHARES = ("accuracy", "roc_auc", "ece", "behaviour_all")
"""Figures that every version is compared by; what else a version knows is on its own page."""

_BEHAVIOUR = "behaviour_"
"""How the names of figures begin that are shares of sentences made to test a version."""

_DIGEST_SHOWN = 12


def models_page(listed: ModelList, words: Words) -> Page:
    """Return the page that lists every version of the store, and where aliases point."""
    labels = dict.fromkeys(tuple(status.labels) for status in listed.models)
    tables = [
        _table([status for status in listed.models if tuple(status.labels) == each], listed, words) for each in labels
    ]
    refused = "".join(_refusal(status) for status in listed.models)
    body = (
        f'<h1>{words("models.heading")}</h1><p class="lead">{words("models.lead", default=listed.default)}</p>'
        f"{_broken(listed.broken, words)}{refused}{''.join(tables)}"
        f'<p class="note">{words("models.note")}</p>'
    )
    return Page(title=words.plain("models.title"), place=PLACE, body=body)


def version_page(ref: VersionRef, listed: ModelList, entry: Entry, words: Words) -> Page:
    """Return the page of one version, which is one of those listed."""
    [status] = [status for status in listed.models if (status.model, status.version) == ref]
    aliases = _aliases(status, listed) or "–"
    parts = [f'<h1>{escape(str(ref))}</h1><p class="lead">{badge(status.state, words)}</p>', _refusal(status)]
    if entry.manifest is not None:
        parts += [section(words.plain("models.is"), _what_it_is(entry.manifest, status, aliases, words))]
        parts += [section(words.plain("models.figures"), _all_figures(status.metrics, words))]
        parts += [_behaviour(status.metrics, words)]
    if plots := plots_of(entry):
        parts += [section(words.plain("models.report"), _gallery(ref, plots, words))]
    if entry.manifest is not None:
        parts += [section(words.plain("models.settings"), _settings(entry.manifest, words))]
    return Page(title=str(ref), place=PLACE, body="".join(parts))


def figure(name: str, value: float) -> str:
    """Return a figure of a version as people write it."""
    if name in ("parameters", "weights_bytes"):
        return f"{value:,.0f}"
    if name.startswith(_BEHAVIOUR):
        return f"{value:.1%}"
    return f"{value:,.1f}" if name == "training_seconds" else f"{value:.4f}"


def _table(versions: Sequence[ModelStatus], listed: ModelList, words: Words) -> str:
    """Return versions that can be compared: they have the same labels."""
    columns = [words.plain(f"models.{name}") for name in ("version", "state", "aliases")]
    columns += [words.plain(f"figures.{name}") for name in (*_SHARES, "parameters")]
    columns += [words.plain(f"models.{name}") for name in ("engine", "digest")]
    labels = " · ".join(words.name("labels", label) for label in versions[0].labels)
    return table(
        labels or words.plain("models.not_known"), columns, [_row(status, listed, words) for status in versions]
    )


def _row(status: ModelStatus, listed: ModelList, words: Words) -> list[str]:
    name = f"{status.model}/{status.version}"
    known = status.metrics
    return [
        f'<a href="{PLACE}/{escape(name)}">{escape(name)}</a>',
        badge(status.state, words),
        _aliases(status, listed) or "–",
        *(figure(key, known[key]) if key in known else "–" for key in (*_SHARES, "parameters")),
        escape(f"{status.engine}, {status.device}") if status.engine else "–",
        _digest(status.digest),
    ]


def _aliases(status: ModelStatus, listed: ModelList) -> str:
    """Return the aliases that point to a version; one that another version answers for meanwhile says so."""
    own = [alias for alias in listed.aliases if (alias.model, alias.version) == (status.model, status.version)]
    waiting = [
        alias.alias if alias.answering == alias.version else f"{alias.alias} (→ {alias.answering})" for alias in own
    ]
    return escape(", ".join(waiting))


def _broken(reason: str | None, words: Words) -> str:
    if reason is None:
        return ""
    return f'<div class="problem"><p>{words("models.broken")}</p><p lang="en">{escape(reason)}</p></div>'


def _digest(digest: str | None) -> str:
    return f'<code title="{escape(digest)}">{escape(digest[:_DIGEST_SHOWN])}</code>' if digest else "–"


def _refusal(status: ModelStatus) -> str:
    if not status.reason:
        return ""
    name = f"{status.model}/{status.version}"
    return f'<p class="problem" lang="en"><b>{escape(name)}</b> {escape(status.reason)}</p>'


def _what_it_is(manifest: Manifest, status: ModelStatus, aliases: str, words: Words) -> str:
    known = manifest.provenance
    rows = [
        ("aliases", aliases),
        ("variant", f"<code>{escape(manifest.variant)}</code>"),
        ("labels", " · ".join(words.known("labels", label) for label in manifest.labels)),
        ("encoder", words("models.encoder_is", kind=manifest.encoder.kind, size=f"{manifest.encoder.size:,}")),
        ("reads", words("models.tokens", count=f"{manifest.max_tokens:,}")),
        ("certain_from", f"{status.certain_from:g}" if status.certain_from else "–"),
        ("engine", escape(f"{status.engine}, {status.device}") if status.engine else "–"),
        (
            "fused",
            words("models.yes") if manifest.fused_graph else f'<span lang="en">{escape(manifest.fused_reason)}</span>',
        ),
        ("evaluated_on", f'<span lang="en">{escape(str(known.get("evaluated_on", "–")))}</span>'),
        ("published", escape(str(known.get("published", "–")))),
        ("digest", f"<code>{escape(status.digest or '–')}</code>"),
    ]
    return facts([(words.plain(f"models.{name}"), value) for name, value in rows])


def _all_figures(known: Mapping[str, float], words: Words) -> str:
    """Return all figures but those that have a section of their own."""
    return _written({name: value for name, value in known.items() if not name.startswith(_BEHAVIOUR)}, words)


def _behaviour(known: Mapping[str, float], words: Words) -> str:
    """Return the section on sentences made to test a version; none where it was not tested on them."""
    shares = {name: value for name, value in known.items() if name.startswith(_BEHAVIOUR)}
    lead = f'<p class="note">{words("models.behaviour_note")}</p>'
    return section(words.plain("models.behaviour"), lead + _written(shares, words)) if shares else ""


def _written(known: Mapping[str, float], words: Words) -> str:
    return facts([(words.name("figures", name), figure(name, value)) for name, value in known.items()])


def _gallery(ref: VersionRef, plots: list[str], words: Words) -> str:
    figures = "".join(
        f'<figure><img src="{PLACE}/{escape(str(ref))}/report/{plot}.png" alt="{words(f"plots.{plot}_alt")}" '
        f'loading="lazy" width="704" height="440"><figcaption>{words(f"plots.{plot}")}</figcaption></figure>'
        for plot in plots
    )
    return f'<div class="gallery">{figures}</div>'


def _settings(manifest: Manifest, words: Words) -> str:
    settings = manifest.provenance.get("settings")
    if not isinstance(settings, Mapping):
        return f"<p>{words('models.no_settings')}</p>"
    rows = [
        [f"<code>{escape(str(name))}</code>", f"<code>{escape(str(value))}</code>"] for name, value in settings.items()
    ]
    columns = [words.plain("models.setting"), words.plain("models.value")]
    shown = table(words.plain("models.settings"), columns, rows)
    return f"<details><summary>{words('models.settings_open')}</summary>{shown}</details>"
