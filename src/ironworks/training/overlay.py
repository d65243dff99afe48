"""A virtual environment of one job, on top of a shared one.

What the job installs lands here; what the shared environment has is there without a copy. Made by
hand, because it is but a few files and `python -m venv` takes longer than many a job's start.
"""

from __future__ import annotations

from pathlib import Path

from ironworks.training.environments import Environment

_PIP = """#!/bin/sh
exec "$(dirname "$0")/python" -m pip "$@"
"""


def create(environment: Environment, directory: Path) -> Path:
    """Make the virtual environment in `directory`; its interpreter.

    The form is that of PEP 405; packages of `environment` come after the job's own on `sys.path`.
    """
    bin_ = directory / "bin"
    packages = directory / "lib" / f"python{environment.version}" / "site-packages"
    bin_.mkdir(parents=True)
    packages.mkdir(parents=True)
    (directory / "pyvenv.cfg").write_text(
        f"home = {environment.base_python.parent}\n"
        "include-system-site-packages = false\n"
        f"version = {environment.version}\n"
    )
    # addsitedir, not the bare path: the shared environment may have .pth files of its own.
    (packages / "shared-environment.pth").write_text(
        f"import site; site.addsitedir({str(environment.site_packages)!r})\n"
    )
    for name in ("python", "python3", f"python{environment.version}"):
        (bin_ / name).symlink_to(environment.base_python)
    for name in ("pip", "pip3"):
        (bin_ / name).write_text(_PIP)
        (bin_ / name).chmod(0o755)
    return bin_ / "python"
