"""What the server's process must not load: it starts at once and stays small."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("numpy", "onnx", "onnxruntime", "alembic", "typer", "rich", "boto3")


def test_server_imports_nothing_that_only_jobs_instances_and_commands_need() -> None:
    code = f"import sys, ironworks.application; print([name for name in {HEAVY!r} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
