"""Pages of the documentation that are made from the code; MkDocs calls this when it builds the site."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from ironworks.cli import app
from ironworks.runtime import manifest
from ironworks.server.protocols.model import service_model

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs"
SERVICES = {
    "SageMaker": "sagemaker",
    "SageMaker Runtime": "sagemaker-runtime",
    "S3": "s3",
    "CloudWatch Logs": "logs",
    "CloudWatch": "cloudwatch",
    "STS": "sts",
    "IAM": "iam",
    "Ironworks": "ironworks",
}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the decisions in the table of contents."""
    pages = [f"decisions/{path.name}" for path in sorted((PAGES / "decisions").glob("[0-9]*.md"))]
    for section in config.nav:
        for entry in section.get("Explanation", []):
            if "Decisions" in entry:
                entry["Decisions"] = ["decisions/README.md", *pages]
    return config


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Lead links to files beside `docs` to their pages here; those to sources become their text.

    A table needs no backslash before a bar in code here, as it does elsewhere.
    """
    markdown = re.sub(
        r"^\|.*", lambda row: re.sub(r"`[^`]*`", _with_bars, row[0]), markdown, flags=re.MULTILINE
    )
    markdown = re.sub(
        r"\]\(\.\./(CONTRIBUTING|CHANGELOG)\.md", lambda found: f"]({found[1].lower()}.md", markdown
    )
    return re.sub(r"\[([^\]]+)\]\((?:\.\./)+(?:src|examples|benchmarks)/[^)]*\)", r"\1", markdown)


def _with_bars(code: re.Match[str]) -> str:
    return code[0].replace("\\|", "|")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    pages = {
        "reference/api.md": _api(),
        "reference/commands.md": _commands(),
        "reference/artifact.md": _artifact(),
        "reference/python.md": _python(),
        "changelog.md": (ROOT / "CHANGELOG.md").read_text(),
        "contributing.md": (ROOT / "CONTRIBUTING.md").read_text(),
    }
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def performed() -> dict[str, list[str]]:
    """The operations that are performed, by service: a test compares docs/operations.md with the code."""
    rows = re.findall(r"^\| ([\w ]+?) \| ([\w, ]+) \|$", (PAGES / "operations.md").read_text(), re.MULTILINE)
    return {service: operations.split(", ") for service, operations in rows if service in SERVICES}


def _api() -> str:
    lines = [
        "# Every operation of AWS",
        "",
        "Of each service's own model, what is performed here. Everything else answers `400 UnknownOperationException` "
        "at once, and says so in its message. [What differs from AWS](../operations.md#what-differs-from-aws) is "
        "on another page.",
        "",
    ]
    for service, here in performed().items():
        names = sorted(service_model(SERVICES[service]).operation_names)
        missing = [name for name in names if name not in here]
        lines += [
            f"## {service}",
            "",
            f"{len(here)} of {len(names)} operations are performed: {', '.join(here)}.",
            "",
        ]
        if missing:
            lines += ['??? note "Not performed"', f"    {', '.join(missing)}.", ""]
    return "\n".join(lines)


def _commands() -> str:
    group = typer.main.get_command(app)
    lines = [
        "# Commands",
        "",
        "What `--help` says. [The command line](../cli.md) explains each with examples.",
        "",
    ]
    for name, command in _walk(group, "ironworks"):
        lines += [f"## `{name}`", "", *_help(command), *_parameters(command)]
    return "\n".join(lines)


def _walk(command: Any, name: str) -> Iterator[tuple[str, click.Command]]:
    if not hasattr(command, "commands"):
        yield name, command
        return
    for child in command.commands:
        if not command.commands[child].hidden:
            yield from _walk(command.commands[child], f"{name} {child}")


def _help(command: click.Command) -> list[str]:
    return [re.sub(r"[\b\f]", "", command.help or "").strip(), ""]


def _parameters(command: click.Command) -> list[str]:
    rows = [
        _row(item) for item in command.params if not getattr(item, "hidden", False) and item.name != "help"
    ]
    return ["| option | meaning |", "|---|---|", *rows, ""] if rows else []


def _row(parameter: click.Parameter) -> str:
    meaning = (getattr(parameter, "help", "") or "").replace("|", "\\|").replace("\n", " ")
    option = parameter.param_type_name == "option"
    name = ", ".join((*parameter.opts, *parameter.secondary_opts)) if option else str(parameter.name).upper()
    return f"| `{name}` | {meaning} |"


def _artifact() -> str:
    """The docstring of the module that reads and writes it."""
    text = (manifest.__doc__ or "").partition("\n")[2]
    what = "A compiled model is a folder, packed as `.tar.gz`, with a `manifest.json` in it."
    return f"# Artifact format\n\n{what}\n{text}"


def _python() -> str:
    lines = ["# Python", "", "`import ironworks as iw`; names are imported at first use.", ""]
    for name in _public():
        lines += [f"::: ironworks.{name}", ""]
    return "\n".join(lines)


def _public() -> list[str]:
    """Where each public name is defined, below `ironworks`."""
    import ironworks

    found = []
    for name in sorted(set(ironworks.__all__) - {"__version__"}, key=str.lower):
        item = getattr(ironworks, name)
        found.append(f"{item.__module__.removeprefix('ironworks.')}.{item.__qualname__}")
    return found
