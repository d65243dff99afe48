"""docs/cli.md has every command and every option."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ironworks import __version__
from ironworks.cli import app

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"


def commands() -> list[tuple[str, list[str]]]:
    """Each command as one types it, and its options."""
    found = []
    pending = [("ironworks", typer.main.get_command(app))]
    while pending:
        name, command = pending.pop()
        below = getattr(command, "commands", {})
        pending += [(f"{name} {word}", inner) for word, inner in below.items()]
        if not below:
            options = [
                option for parameter in command.params for option in parameter.opts if option.startswith("--")
            ]
            found.append((name, [option for option in options if option != "--help"]))
    return found


def section(command: str) -> str:
    """What the page says of a command."""
    _, found, rest = PAGE.read_text().partition(f"\n## `{command}`\n")
    assert found, f"docs/cli.md has no section '## `{command}`'"
    return rest.partition("\n## ")[0]


@pytest.mark.parametrize(("command", "options"), commands())
def test_every_command_is_documented_with_an_example(command: str, options: list[str]) -> None:
    text = section(command)
    assert f"$ {command}" in text or f"$({command}" in text, f"{command} has no example"
    for option in options:
        assert f"`{option}" in text, f"{command} {option} is not documented"


def test_nothing_is_documented_that_is_not_there() -> None:
    documented = [line[4:-1] for line in PAGE.read_text().splitlines() if line.startswith("## `")]
    assert sorted(documented) == sorted(name for name, _ in commands())


@pytest.mark.parametrize("command", [name.split()[1:] for name, _ in commands()])
def test_every_command_has_a_help_text(command: list[str]) -> None:
    ran = CliRunner().invoke(app, [*command, "--help"])
    assert ran.exit_code == 0 and "Usage: " in ran.output


@pytest.mark.parametrize("arguments", [["version"], ["--version"]])
def test_the_version_is_printed(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, arguments).output == f"{__version__}\n"
