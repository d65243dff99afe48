"""A client's script that runs beside the tests."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

CLIENTS = Path(__file__).parent / "clients"
SDK_2_REGION = "eu-west-1"


@dataclass(frozen=True)
class Flow:
    """A running script, and the file that it prints into."""

    process: subprocess.Popen[bytes]
    output: Path

    def finish(self) -> str:
        """Wait for the script; what it printed. Raises AssertionError with that when the script failed."""
        exit_code = self.process.wait(timeout=400)
        printed = self.output.read_text()
        assert exit_code == 0, f"exit code {exit_code}:\n{printed}"
        return printed
