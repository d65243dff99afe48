"""The notebook from its first cell to its last, on this machine: `make demo`.

Makes a home in a temporary folder, starts a server on it, runs `notebook_v1.py` with the SageMaker SDK that the
notebook was written for, and removes everything again. What was downloaded stays in the cache.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CACHE = Path(os.environ.get("IRONWORKS_CACHE", ROOT / ".cache")).absolute()
IRONWORKS = Path(sys.executable).with_name("ironworks")

PLAN = f"""
  Ironworks: train, compile and serve a model behind the SageMaker API, on this machine
  ─────────────────────────────────────────────────────────────────────────────────────
  This runs the notebook "MNIST Training, Compilation and Deployment with MXNet Module and
  SageMaker Neo", unmodified, with the SageMaker Python SDK 1.72.1 that it was written for:

    1. prepare   that SDK, and the MNIST images         (once; kept in {os.path.relpath(CACHE)})
    2. up        a server, its data in a temporary home
    3. notebook  fit → compile_model → deploy → predict → delete_endpoint
    4. down      everything stopped and removed

  No cloud account is used, and the server listens on this machine alone. It takes about a minute,
  40 s of it in fit(), because the SDK looks at the job that seldom; the first time it takes longer.
"""

NEXT = f"""
  Done. The server is stopped and its home removed. What to try next:

    source .venv/bin/activate            puts the ironworks command on your PATH
    ironworks up                         starts a server that stays
    eval "$(ironworks env)"              points boto3, the aws command and the SageMaker SDKs at it
    python my_sagemaker_code.py          runs on this machine instead of in the cloud
    ironworks --help                     everything else

  The notebook's cells are {os.path.relpath(HERE / "notebook_v1.py")}, its training script {
    os.path.relpath(HERE / "mnist.py")
}.
"""


def main() -> None:
    """Run the demo. Leaves with 1 when a step fails, 130 when it is interrupted; cleans up in any case."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print(PLAN, flush=True)
    try:
        with _step("prepare"):
            sdk = _output(sys.executable, ROOT / "tests" / "acceptance" / "interpreters.py", "sagemaker-1.72")
            _run(IRONWORKS, "datasets", "fetch", "mnist", environ=_environ(CACHE))
        with _home() as home:
            _notebook(sdk, _environ(home))
    except subprocess.CalledProcessError as error:
        sys.exit(
            f"\n  The demo stopped: {Path(str(error.cmd[0])).name} ended with exit code {error.returncode}."
        )
    except KeyboardInterrupt:
        print("\n  Interrupted.", file=sys.stderr)
        sys.exit(130)
    print(NEXT)


def _notebook(sdk: str, environ: dict[str, str]) -> None:
    with _step("up"):
        _run(IRONWORKS, "up", "--port", "0", environ=environ)
    with _step("notebook"):
        # All that a client needs to know is what `ironworks env` prints.
        setup = f"""eval "$('{IRONWORKS}' env --shell bash)"; exec "$@" """
        cells = [sdk, HERE / "cells.py", HERE / "notebook_v1.py"]
        _run("bash", "-ec", setup, "bash", *cells, environ=environ, cwd=HERE)


@contextlib.contextmanager
def _home() -> Iterator[Path]:
    """A temporary home, removed with all that runs on it however the block is left."""
    # Short, because sockets lie in it and their paths have a limit.
    home = Path(tempfile.mkdtemp(prefix="iw-", dir="/tmp"))
    try:
        yield home
    finally:
        # A second Ctrl-C must not leave processes behind.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with _step("down"):
            _run(IRONWORKS, "down", "--all", environ=_environ(home))
            shutil.rmtree(home)


@contextlib.contextmanager
def _step(name: str) -> Iterator[None]:
    print(f"\n━━ {name} {'━' * (84 - len(name))}", flush=True)
    started = time.monotonic()
    yield
    print(f"━━ {name}: {time.monotonic() - started:.1f} s", flush=True)


def _environ(home: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "IRONWORKS_HOME": str(home),
        "IRONWORKS_ENVIRONMENTS": str(CACHE / "environments"),
        "IRONWORKS_DATASETS": str(CACHE / "datasets"),
        "PYTHONUNBUFFERED": "1",
    }


def _run(*command: str | Path, environ: dict[str, str], cwd: Path | None = None) -> None:
    subprocess.run(list(map(str, command)), env=environ, cwd=cwd, stdin=subprocess.DEVNULL, check=True)


def _output(*command: str | Path) -> str:
    return subprocess.run(
        list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()


if __name__ == "__main__":
    main()
