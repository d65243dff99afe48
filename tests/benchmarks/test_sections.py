from pathlib import Path

from benchmarks.sections import write_section


def test_each_benchmark_writes_its_own_section_of_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    write_section(page, "one", "# One\n")
    write_section(page, "two", "# Two \\1")
    write_section(page, "one", "# One, again")
    assert page.read_text() == (
        "<!-- one: begin -->\n# One, again\n<!-- one: end -->\n\n"
        "<!-- two: begin -->\n# Two \\1\n<!-- two: end -->\n"
    )


def test_what_stands_beside_the_sections_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# By hand\n\nText.\n")
    write_section(page, "one", "1")
    write_section(page, "one", "2")
    assert page.read_text() == "# By hand\n\nText.\n\n<!-- one: begin -->\n2\n<!-- one: end -->\n"
