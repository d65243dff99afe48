"""`report.html`."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from time import perf_counter

import pytest
from tests.compiler.report.conftest import MakeReport, candidate, chain, comparison

from ironworks.compiler.report import Machine, Node, Report
from ironworks.runtime import Tensor

VOID = {"meta", "br", "hr"}
HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=y>&amp;\ud800"


class Page(HTMLParser):
    """The elements of a page, in order, with their text; fails where they are not nested as they should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[int] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        self.elements.append((tag, dict(attrs)))
        self.texts.append("")
        if tag not in VOID:
            self.open.append(len(self.elements) - 1)

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self.open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        for at in self.open:
            self.texts[at] += data

    def text(self, tag: str, **attributes: str) -> list[str]:
        """The text of each element of a kind."""
        return [
            " ".join(text.split())
            for (name, found), text in zip(self.elements, self.texts, strict=True)
            if name == tag and attributes.items() <= found.items()
        ]


def test_it_tells_everything_that_the_report_has(report: MakeReport) -> None:
    wrong = candidate("mnn", None, "its output y is off by 1", [comparison("large", 1.0)])
    page = Page(report(candidates=(*report().candidates, wrong)).to_html())
    assert page.text("h1") == ["model.onnx for ml_c5"]
    assert page.text("h2") == [
        *("Summary", "Findings", "Candidates", "Parity with the original", "The graph", "Compile time"),
        "Machine and versions",
    ]
    (text,) = page.text("body")
    for said in (
        *("4.00 µs", "3.5 × as fast as onnxruntime (optimization all)", "50 × as fast as the original"),
        *("native is the faster of the 2", "x [1, 4] float32", "It ends in a softmax.", "the model has none"),
        *("✗ dropped", "its output y is off by 1", "drop identity", "2 operators became 1", "1.50 s"),
        *("A processor", "avx2, fma", "0.1.0", "2026-11-24 15:16:40 UTC"),
    ):
        assert said in text, said
    assert page.text("li", **{"class": "won"}) == ["native★ chosen4.00 µslargest relative error 5.0e-08"]
    assert "✗ differs" in page.text("td") and "1 of 1" in page.text("td")


def test_it_loads_nothing_and_runs_nothing(report: MakeReport) -> None:
    text = report().to_html()
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "embed", "form", "base", "a"} & {
        tag for tag, _ in page.elements
    }
    for _, attributes in page.elements:
        names = set(attributes)
        assert not {name for name in names if name.startswith("on")}
        assert not names & {"src", "href", "style", "xlink:href"}
    assert "http://" not in text and "https://" not in text and "url(" not in text and "@import" not in text


def test_its_policy_allows_its_own_style_sheet_and_nothing_else(report: MakeReport) -> None:
    text = report().to_html()
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = [
        found["content"]
        for tag, found in Page(text).elements
        if tag == "meta" and found.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def hostile(report: Report) -> Report:
    """Every text of the report is an attack."""
    graph = replace(
        chain("Gemm"),
        nodes=[Node(HOSTILE, HOSTILE, ("x", HOSTILE), (HOSTILE,))],
        inputs=[HOSTILE],
        outputs=[HOSTILE],
        operators={HOSTILE: 1},
    )
    return replace(
        report,
        framework=HOSTILE,
        target=HOSTILE,
        inputs=(Tensor(HOSTILE, (1,), "float32"),),
        outputs=(Tensor(HOSTILE, (1,), "float32"),) * 2,
        operators={HOSTILE: 1},
        passes={HOSTILE: 1},
        candidates=[
            candidate(HOSTILE, 1.0, "", [comparison(HOSTILE, output=HOSTILE)]),
            candidate("b", None, HOSTILE),
        ],
        skipped={HOSTILE: HOSTILE},
        chosen=HOSTILE,
        reference=HOSTILE,
        findings=[HOSTILE],
        seconds={HOSTILE: 1.0},
        model=HOSTILE,
        created=HOSTILE,
        before=graph,
        after=graph,
        machine=Machine(HOSTILE, 1, (HOSTILE,), HOSTILE),
        versions={"ironworks": HOSTILE, HOSTILE: HOSTILE},
    )


def test_names_that_are_html_are_text(report: MakeReport) -> None:
    text = hostile(report()).to_html()
    page = Page(text)
    assert not {"script", "img"} & {tag for tag, _ in page.elements}
    assert not any("onerror" in attributes for _, attributes in page.elements)
    assert text.count("&lt;script&gt;") > 25


def test_tables_and_drawings_can_be_read_aloud(report: MakeReport) -> None:
    page = Page(report().to_html())
    kinds = [tag for tag, _ in page.elements]
    assert kinds.count("table") == kinds.count("caption") > 4
    assert all(found.get("scope") for tag, found in page.elements if tag == "th")
    for tag, found in page.elements:
        if tag == "svg":
            assert found.get("aria-hidden") == "true" or (found["role"] == "img" and found["aria-label"])
        if found.get("class", "").startswith("scroll"):  # can be scrolled from the keyboard
            assert found["tabindex"] == "0" and found["role"] == "region" and found["aria-label"]
    identities = [found["id"] for _, found in page.elements if "id" in found]
    assert len(set(identities)) == len(identities) == 7
    labels = [found["aria-labelledby"] for tag, found in page.elements if tag == "section"]
    assert labels == identities
    assert ("html", {"lang": "en"}) in page.elements


def test_a_report_of_the_first_version_makes_a_page_too(report: MakeReport) -> None:
    old = report(model="", created="", before=None, after=None, machine=None, versions={})
    page = Page(old.to_html())
    assert page.text("h1") == ["A model for ml_c5"]
    assert page.text("dd")[0] == "ONNX"
    assert "Machine and versions" not in page.text("h2")
    assert "graph" not in [found.get("class") for _, found in page.elements]
    assert page.text("footer") == ["made from report.json in the artifact"]


def test_a_graph_that_no_pass_changed_is_drawn_once(report: MakeReport) -> None:
    same = Page(report(after=chain("Gemm", "Identity"), nodes=(2, 2)).to_html())
    assert [found.get("class") for _, found in same.elements].count("graph") == 1
    changed = Page(report().to_html())
    assert [found.get("class") for _, found in changed.elements].count("graph") == 2
    assert "Dashed boxes are marked removed." in " ".join(changed.text("figcaption"))


def test_a_large_graph_says_what_is_not_drawn_and_not_recorded(report: MakeReport) -> None:
    large = chain(*["Relu"] * 1000, Relu=1000, Add=500)
    page = Page(report(before=large, after=large, nodes=(1500, 1500)).to_html())
    assert "The drawing ends after 150; 1,350 more are counted by operator." in " ".join(
        page.text("figcaption")
    )
    assert "The nodes; 500 more are not recorded" in page.text("caption")
    assert "500" in page.text("td")


def test_a_slow_original_does_not_flatten_the_other_bars(report: MakeReport) -> None:
    page = Page(report(reference_microseconds=1e6).to_html())
    (original,) = page.text("li", **{"class": "original"})
    assert original == "MXNet 1.9.1original1.00 sits bar is cut: it is longer than this"
    widths = [found.get("width") for tag, found in page.elements if tag == "rect" and "class" not in found]
    assert widths[:4] == [f"{100 * 4 / (8 * 14.2):.1f}%", f"{100 / 8:.1f}%", "94.0%", "5%"]


def test_a_candidate_for_another_machine_has_no_bar(report: MakeReport) -> None:
    page = Page(report(candidates=(candidate("native", None),), reference_microseconds=None).to_html())
    (text,) = page.text("ol", **{"class": "bars"})[:1]
    assert "not timed" in text
    assert page.text("strong") == ["5.0e-08"]


def test_a_candidate_without_any_difference_is_called_equal_to_the_last_bit(report: MakeReport) -> None:
    same = candidate("native", 4.0, "", [comparison(absolute=0.0)])
    assert "equal to the last bit" in Page(report(candidates=(same,)).to_html()).text("span")


def test_several_outputs_are_named_in_the_parity_table(report: MakeReport) -> None:
    outputs = (Tensor("y", (1,), "float32"), Tensor("z", (1,), "float32"))
    worst = candidate("native", 4.0, "", [comparison(), comparison(absolute=9e-7, output="z")])
    page = Page(report(outputs=outputs, candidates=(worst,)).to_html())
    assert "Output" in page.text("th") and "z" in page.text("td")


@pytest.mark.parametrize("count", [6, 150])
def test_making_the_page_takes_no_time_that_a_compilation_would_notice(
    report: MakeReport, count: int
) -> None:
    made = report(before=chain(*["Gemm"] * count), after=chain(*["Relu"] * count))
    seconds = []
    for _ in range(5):
        start = perf_counter()
        made.to_html()
        seconds.append(perf_counter() - start)
    assert min(seconds) < (0.05 if count < 10 else 0.5)
