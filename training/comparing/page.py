"""The page of the texts on which models disagree: one file that loads nothing, to be opened or sent as it is."""

import base64
import hashlib
import json
from pathlib import Path
from string import Template
from typing import Any

from training.comparing.comparison import Comparison

_HERE = Path(__file__).parent


def disagreement_page(comparison: Comparison) -> str:
    """Return the page as HTML.

    Its script and its style are allowed by their hashes alone, so whatever a text holds is never run.
    """
    style, script = ((_HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    # A `<` within the data could end its element.
    data = json.dumps(_data(comparison), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return Template((_HERE / "page.html").read_text(encoding="utf-8")).substitute(
        style=style, script=script, data=data, style_hash=_hash(style), script_hash=_hash(script)
    )


def _data(comparison: Comparison) -> dict[str, Any]:
    dataset = comparison.texts.dataset
    return {
        "about": f"{comparison.texts.source}: {len(dataset):,} texts.",
        "models": [each.name for each in comparison.standings],
        "labels": list(dataset.labels),
        "pairs": [[pair.first, pair.second] for pair in comparison.pairs],
        "rows": [_row(comparison, int(place)) for place in comparison.disagreements],
    }


def _row(comparison: Comparison, place: int) -> dict[str, Any]:
    """Return a text with what every model said: the label, its probability, and that of the true label."""
    dataset = comparison.texts.dataset
    text, label = dataset.texts[place], int(dataset.classes[place])
    said = []
    for each in comparison.standings:
        probabilities = each.probabilities[place]
        given = int(probabilities.argmax())
        said.append([given, round(float(probabilities[given]), 4), round(float(probabilities[label]), 4)])
    return {"number": place, "text": text, "length": len(text), "label": label, "said": said}


def _hash(content: str) -> str:
    return base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
