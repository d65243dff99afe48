"""`report.html`: the page of one compilation, made from its report alone.

It loads nothing and runs nothing, and says so itself: its content security policy allows its own style sheet and
nothing else, so that even a name that got through unescaped could do nothing.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from functools import cache
from pathlib import Path

from ironworks.compiler.report.model import Report
from ironworks.compiler.report.sections import SECTIONS
from ironworks.drawing import stylesheet
from ironworks.drawing.markup import Html, element, join

_STYLE = Path(__file__).with_name("page.css")


def page(report: Report) -> str:
    """The text of the page."""
    title = f"{report.model or 'A model'} for {report.target}"
    style, policy = _style()
    head = element(
        "head",
        Html('<meta charset="utf-8">'),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{title} · Ironworks compile report"),
        element("style", style),
    )
    header = element(
        "header",
        element("p", "Ironworks compile report", class_="kind"),
        element("h1", title),
    )
    sections = [
        element("section", element("h2", heading, id=name), *content, aria_labelledby=name)
        for name, heading, make in SECTIONS
        if (content := make(report))
    ]
    body = element("body", element("main", header, *sections), _footer(report))
    return f'<!doctype html>\n<html lang="en">{join([head, body])}</html>\n'


@cache
def _style() -> tuple[Html, str]:
    """The style sheet, and the policy that allows it by its SHA-256 and nothing besides."""
    text = stylesheet() + _STYLE.read_text(encoding="utf-8")
    digest = b64encode(hashlib.sha256(text.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return Html(text), policy


def _footer(report: Report) -> Html:
    made = [f"Ironworks {report.versions['ironworks']}"] if "ironworks" in report.versions else []
    when = [report.created.replace("T", " ").replace("+00:00", " UTC")] if report.created else []
    text = " · ".join([*made, *when, "made from report.json in the artifact"])
    return element("footer", text)
