"""A step's output is a log, and it ends at once when it is no longer wanted."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import pytest

from ironworks.training import installing


def run(source: str, lines: list[str], **arguments: object) -> installing.Ending:
    return installing.run(
        [sys.executable, "-I", "-c", source],
        lines.append,
        lambda: None,
        **arguments,  # type: ignore[arg-type]
    )


def test_both_outputs_are_the_log_and_the_last_lines_are_kept() -> None:
    lines: list[str] = []
    ended = run(
        "import sys\nfor n in range(50): print(n, file=[sys.stdout, sys.stderr][n % 2], flush=True)", lines
    )
    assert lines == [str(number) for number in range(50)]
    assert (ended.code, ended.reason, len(ended.lines)) == (0, "49", 21)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("print('ERROR: no such package'); print('WARNING: old pip')", "ERROR: no such package"),
        ("print('building'); print('gcc failed')", "gcc failed"),
        ("", "it printed nothing."),
    ],
)
def test_the_reason_is_pips_last_error_or_the_last_line(source: str, reason: str) -> None:
    ended = run(source + "\nraise SystemExit(3)", [])
    assert (ended.code, ended.reason) == (3, reason)


def test_it_runs_where_and_with_what_it_is_told(tmp_path: Path) -> None:
    lines: list[str] = []
    run("import os; print(os.getcwd(), os.environ['A'])", lines, cwd=tmp_path, env={"A": "1"})
    assert lines == [f"{tmp_path} 1"]


def test_it_is_killed_when_it_is_no_longer_wanted() -> None:
    lines: list[str] = []

    def check() -> None:
        if lines:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        installing.run(
            [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(60)"],
            lines.append,
            check,
            env=dict(os.environ),
        )
    assert not psutil.pid_exists(int(lines[0]))
