"""`ironworks doctor`."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from ironworks.cli.options import HomeOption, JsonOption, home_at

_COLOURS = {"ok": typer.colors.GREEN, "warn": typer.colors.YELLOW, "fail": typer.colors.RED}


def doctor(as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Check what Ironworks needs on this machine.

    Exit code 1 when something that it cannot do without is wrong.
    """
    from ironworks.cli.checkup import examine

    findings = examine(home_at(home))
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            level = typer.style(f"{finding.level:5}", fg=_COLOURS[finding.level])
            typer.echo(f"{level}{finding.subject}: {finding.text}")
            if finding.remedy:
                typer.echo(f"     → {finding.remedy}")
    if any(finding.level == "fail" for finding in findings):
        raise typer.Exit(1)
