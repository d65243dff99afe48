"""Every document that `--json` prints is JSON, and docs/cli.md says what it is."""

import re
from pathlib import Path

import pytest
import typer

from ironworks.cli import app
from ironworks.home import Home
from ironworks.server.process import running
from tests.cli.platform import Platform, run

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"


def commands_with_json() -> set[str]:
    found = set()
    pending = [("", typer.main.get_command(app))]
    while pending:
        name, command = pending.pop()
        pending += [
            (f"{name} {word}".strip(), inner) for word, inner in getattr(command, "commands", {}).items()
        ]
        if any("--json" in parameter.opts for parameter in command.params):
            found.add(name)
    return found


def test_the_page_says_what_each_document_is() -> None:
    section = PAGE.read_text().partition("\n## JSON\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    documented = {name for cell in cells for name in re.findall(r"`([a-z ]+?)(?: NAME| --job)?`", cell)}
    # bench has a page of its own.
    assert commands_with_json() - {"bench"} == documented


@pytest.mark.parametrize(
    "command",
    [["status"], ["env"], ["doctor"], ["datasets", "list"], ["jobs"], ["models"], ["endpoints"], ["targets"]],
)
def test_what_is_there_as_json(platform: Platform, command: list[str]) -> None:
    ran = run(*command, "--json") if command == ["targets"] else platform(*command, "--json")
    assert isinstance(ran.json, dict | list)


def test_the_environment_as_json_has_the_address_of_the_server(platform: Platform) -> None:
    record = running(platform.home)
    assert record is not None
    assert platform("env", "--json").json["AWS_ENDPOINT_URL"] == record.url


def test_starting_and_stopping_as_json(home: Home) -> None:
    up = run("up", "--port", "0", "--json")
    record = running(home)
    assert record is not None and up.json["pid"] == record.pid and up.json["url"] == record.url
    assert run("up", "--json").json == up.json
    assert run("down", "--json").json == {"stopped": record.pid, "ended": [], "going_on": []}
    assert run("down", "--json", "--all").json == {"stopped": None, "ended": [], "going_on": []}
