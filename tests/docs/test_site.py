"""The documentation is whole: it builds without a broken link, and names what the code knows.

Commands and options are compared with their page by tests/cli/test_docs.py, operations and metrics by
tests/server/test_documentation.py, the SDK's names and arguments by tests/sdk/test_docs.py.
"""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ironworks

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SOURCES = [path.read_text() for path in sorted((ROOT / "src").rglob("*.py"))]
CODES = (
    r'ServiceError\(\s*"(\w+)"',
    r'^    code = "(\w+)"',
    r'taken_as\(\s*"(\w+)"',
    r'\("([A-Z]\w+)", [345]\d\d\)',
)
"""How error codes stand in the code: raised, of a class of errors, and in tables of codes with their status."""
NO_CODES = {"OriginalStatusCode"}
OTHERS_MESSAGES = {
    "Could not connect to the endpoint URL",
    "SSL: CERTIFICATE_VERIFY_FAILED",
    "Content type must be …",
}
"""Messages on the page of troubleshooting that AWS's clients, OpenSSL or a user's script make."""
PAGES = sorted(DOCS.glob("*.md"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built so that a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def found(patterns: tuple[str, ...]) -> set[str]:
    """What the first group of some patterns finds in the code."""
    return {
        name for text in SOURCES for pattern in patterns for name in re.findall(pattern, text, re.MULTILINE)
    }


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of one language on a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def test_site_builds_and_every_link_leads_somewhere(site: Path) -> None:
    for name in ("api", "commands", "artifact", "python"):
        assert (site / "reference" / name / "index.html").is_file()


def test_site_fetches_nothing_from_elsewhere(site: Path) -> None:
    fetched = re.compile(
        r'<(?:script|img|link rel="(?:stylesheet|icon|preload)")[^>]*(?:src|href)="?(https?:)'
    )
    assert [page for page in site.rglob("*.html") if fetched.search(page.read_text())] == []


def test_code_in_tables_shows_no_backslash_before_a_bar(site: Path) -> None:
    assert "<code>--against ENDPOINT|flask</code>" in (site / "cli" / "index.html").read_text()


def test_reference_of_python_has_every_public_name(site: Path) -> None:
    page = (site / "reference" / "python" / "index.html").read_text()
    names = set(ironworks.__all__) - {"__version__"}
    assert sorted(name for name in names if not re.search(rf'id="ironworks[\w.]*\.{name}"', page)) == []


def test_every_variable_that_the_code_reads_is_documented() -> None:
    page = (DOCS / "configuration.md").read_text()
    read = found((r'"((?:IRONWORKS|SAGEMAKER)_[A-Z_]+)"',))
    assert len(read) > 20
    assert sorted(name for name in read if f"`{name}" not in page) == []


def test_every_error_code_is_documented() -> None:
    page = (DOCS / "troubleshooting.md").read_text()
    codes = found(CODES) - NO_CODES
    assert len(codes) > 50
    assert sorted(code for code in codes if f"`{code}`" not in page) == []


def test_messages_to_look_for_are_those_that_the_code_makes() -> None:
    # A text over several lines of code counts as one line.
    code = "\n".join(re.sub(r'"\s*\n\s*f?"', "", text) for text in SOURCES)
    rows = re.findall(r"^\| (.*?) \|", (DOCS / "troubleshooting.md").read_text(), re.MULTILINE)
    messages = {message for row in rows for message in re.findall(r"`([^`]+ [^`]+)`", row)} - OTHERS_MESSAGES
    assert len(messages) > 8
    pieces = {piece.strip() for message in messages for piece in message.split("…")}
    assert sorted(piece for piece in pieces if piece not in code) == []


@pytest.mark.parametrize("name", sorted(set(ironworks.__all__) - {"__version__"}))
def test_every_public_name_says_what_it_is(name: str) -> None:
    item = getattr(ironworks, name)
    assert item.__doc__
    members = vars(item) if inspect.isclass(item) else {}
    silent = [
        member
        for member, value in members.items()
        if not member.startswith("_")
        and (inspect.isfunction(value) or isinstance(value, property))
        and not inspect.getdoc(getattr(item, member))
    ]
    assert silent == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_python_on_the_pages_is_python(page: Path) -> None:
    for block in blocks(page, "python"):
        ast.parse(block)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_shell_on_the_pages_is_shell(page: Path) -> None:
    for block in blocks(page, "sh"):
        checked = subprocess.run(
            ["bash", "-n"], input=block, capture_output=True, text=True, check=False, timeout=10
        )
        assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pictures_for_one_scheme_have_one_for_the_other(page: Path) -> None:
    pictures = re.findall(r"\((images/\S+)-(light|dark)\.png#only-(light|dark)\)", page.read_text())
    assert all(name == scheme for _, name, scheme in pictures)
    shown = {(picture, scheme) for picture, scheme, _ in pictures}
    assert all({(picture, "light"), (picture, "dark")} <= shown for picture, _ in shown)
