"""Framework environments: made once with pip, shared by all jobs, never changed afterwards.

Each is a virtual environment in a folder of its own. A record is written into it last, so a folder
without one is the half of a build that was broken off, and is made anew. A lock makes one process
build while the others wait.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ironworks.errors import PlatformError
from ironworks.training import installing
from ironworks.training.installing import PIP_INSTALL, TICK, Check, Log
from ironworks.training.recipes import PythonVersion, Recipe, recipe

_VENV = ("-I", "-m", "venv", "--clear")
_RECORD = "ironworks-environment.json"
_WAIT_NOTE = 10.0
"""Seconds between two lines that say that another process builds."""

_DESCRIBE = """
import json, os, sys, sysconfig
print(json.dumps({
    "version": "%d.%d" % sys.version_info[:2],
    "site_packages": sysconfig.get_path("purelib"),
    "base": sys.base_prefix,
    "base_python": os.path.realpath(sys.executable),
}))
"""


@dataclass(frozen=True)
class Environment:
    """A Python interpreter with a framework.

    Attributes:
        python: the interpreter to run.
        description: such as `MXNet 1.9.1 on Python 3.11`.
        version: of Python, such as `3.11`.
        site_packages: where its packages lie.
        base: the installation that the interpreter belongs to (`sys.base_prefix`).
        base_python: the interpreter of that installation.
    """

    python: Path
    description: str
    version: str
    site_packages: Path
    base: Path
    base_python: Path

    @classmethod
    def of(cls, python: Path, label: str = "") -> Environment:
        """Ask an interpreter where it has its things. `label` names the framework in it.

        Raises:
            PlatformError: it does not run.
        """
        ran = subprocess.run([python, "-I", "-c", _DESCRIBE], capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            raise PlatformError(f"The Python interpreter {python} does not run: {ran.stderr.strip()}")
        facts = json.loads(ran.stdout)
        return cls(
            python=python,
            description=f"{label} on Python {facts['version']}".removeprefix(" on "),
            version=facts["version"],
            site_packages=Path(facts["site_packages"]),
            base=Path(facts["base"]),
            base_python=Path(facts["base_python"]),
        )


class Environments:
    """The environments below one folder."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def find(self, framework: str, version: str) -> Environment | None:
        """The environment that serves a framework and version, if it has been made.

        Raises:
            ClientError: nothing serves them.
        """
        return self._find(recipe(framework, version))

    def prepare(self, framework: str, version: str, log: Log, check: Check = lambda: None) -> Environment:
        """The environment that serves a framework and version, made now if need be.

        Raises:
            ClientError: nothing serves them.
            PlatformError: no interpreter fits, or pip failed; `log` has been given its output.
        """
        return self.make(recipe(framework, version), log, check)

    def make(self, wanted: Recipe, log: Log, check: Check = lambda: None) -> Environment:
        """The environment of a recipe, made now if need be.

        Raises:
            PlatformError: as `prepare`.
        """
        if wanted.note:
            log(wanted.note)
        found = self._find(wanted)
        if found is not None:
            return found
        python, python_version = _interpreter(wanted)
        path = self._path(wanted, python_version)
        self.directory.mkdir(parents=True, exist_ok=True)
        with _locked(self.directory / f".{path.name}.lock", wanted, log, check) as lock:
            # Another process may have made it while we waited.
            return _read(path, wanted) or _Build(wanted, log, check, lock, time.monotonic()).make(
                path, python
            )

    def _find(self, wanted: Recipe) -> Environment | None:
        for version in _preferred(wanted.pythons):
            found = _read(self._path(wanted, version), wanted)
            if found is not None:
                return found
        return None

    def _path(self, wanted: Recipe, python: PythonVersion) -> Path:
        return self.directory / f"{wanted.framework}-{wanted.version}-python{python[0]}.{python[1]}"


def _read(path: Path, wanted: Recipe) -> Environment | None:
    """The environment in `path`, if it is whole, made by this recipe, and its interpreter is still there."""
    try:
        record = json.loads((path / _RECORD).read_text())
        if record["requirements"] != list(wanted.requirements):
            return None
        environment = Environment(
            python=Path(record["python"]),
            description=record["description"],
            version=record["version"],
            site_packages=Path(record["site_packages"]),
            base=Path(record["base"]),
            base_python=Path(record["base_python"]),
        )
    except (OSError, ValueError, KeyError):
        return None
    return environment if environment.python.exists() else None


def _write(path: Path, environment: Environment, wanted: Recipe) -> None:
    record = {name: str(value) for name, value in dataclasses.asdict(environment).items()}
    temporary = path / f"{_RECORD}.new"
    temporary.write_text(json.dumps({**record, "requirements": wanted.requirements}, indent=1))
    temporary.replace(path / _RECORD)


def _preferred(versions: tuple[PythonVersion, ...]) -> list[PythonVersion]:
    """The versions in order, but our own first: it is certain to be there."""
    here = sys.version_info[:2]
    return sorted(versions, key=lambda version: version != here)


def _interpreter(wanted: Recipe) -> tuple[Path, PythonVersion]:
    """An interpreter that fits: ours, or else one on PATH."""
    for version in _preferred(wanted.pythons):
        if version == sys.version_info[:2]:
            return Path(sys.executable), version
        name = f"python{version[0]}.{version[1]}"
        for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
            found = shutil.which(name, path=folder)
            # A version switch's stand-in is found on PATH and yet does not run.
            if (
                found
                and subprocess.run([found, "-I", "-c", ""], capture_output=True, check=False).returncode == 0
            ):
                return Path(found), version
    names = " or ".join(f"{major}.{minor}" for major, minor in wanted.pythons)
    raise PlatformError(
        f"{wanted.title} needs Python {names}, and none is on PATH. Install one, so that "
        f"`python{wanted.pythons[0][0]}.{wanted.pythons[0][1]} --version` runs, and try again."
    )


@contextlib.contextmanager
def _locked(path: Path, wanted: Recipe, log: Log, check: Check) -> Iterator[int]:
    """Hold the lock file; its descriptor. Waits for another process that builds, and says so now and then."""
    with path.open("w") as file:
        said = float("-inf")
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() - said > _WAIT_NOTE:
                    log(f"Waiting for another process that prepares the {wanted.title} environment …")
                    said = time.monotonic()
                check()
                time.sleep(TICK)
        yield file.fileno()


@dataclass(frozen=True)
class _Build:
    """One build; `lock` is the lock file's descriptor, `started` is when it began (monotonic seconds)."""

    wanted: Recipe
    log: Log
    check: Check
    lock: int
    started: float

    def make(self, path: Path, python: Path) -> Environment:
        title = self.wanted.title
        self.log(f"Preparing the {title} environment … (about {self.wanted.duration} s, once)")
        self._run([str(python), *_VENV, str(path)])
        own = str(path / "bin" / "python")
        self._run([own, *PIP_INSTALL, *self.wanted.requirements])
        self._run([own, "-I", "-c", self.wanted.check])
        environment = Environment.of(Path(own), title)
        _write(path, environment, self.wanted)
        self.log(f"The environment {environment.description} is ready after {self._seconds:.0f} s.")
        return environment

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self.started

    def _run(self, command: list[str]) -> None:
        """Run one step, its output into the log, each line with the seconds since the start.

        The step holds the lock too: should we be killed, the next process waits until the step has ended
        before it clears the folder.
        """
        ended = installing.run(
            command,
            lambda line: self.log(f"[{self._seconds:.0f} s] {line}"),
            self.check,
            inherited=[self.lock],
        )
        if ended.code != 0:
            raise PlatformError(
                f"The {self.wanted.title} environment could not be prepared: {' '.join(command[1:4])} … ended with "
                f"exit code {ended.code}. {ended.reason} "
                "Check that pip can reach its package index, and try again."
            )
