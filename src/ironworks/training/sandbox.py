"""Isolation of a job with bubblewrap (`bwrap`), where that is installed and may make namespaces."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ironworks.errors import PlatformError

SEEN = Path("/opt/ml")
"""Where a script in a sandbox finds its layout."""

_SETTING = "IRONWORKS_SANDBOX"


@dataclass(frozen=True)
class Sandbox:
    """What a job sees of this machine: the system, read-only, and its own folders.

    Attributes:
        layout: becomes /opt/ml.
        temporary: becomes /tmp.
        writable: further folders that the job may write to; they keep their paths.
        hidden: folders that the job must not see into.
        visible: files and folders that stay to be read although a hidden folder holds them.
        network: whether the job may use the network.
    """

    layout: Path
    temporary: Path
    writable: Sequence[Path]
    hidden: Sequence[Path]
    visible: Sequence[Path]
    network: bool = True

    def wrap(self, command: Sequence[str], directory: Path, variables: int | None = None) -> list[str]:
        """The command that runs `command` in the sandbox, in the folder `directory` as seen there.

        `variables` is the descriptor of a `variables_file`.
        """
        # The order counts: what comes later covers what was there.
        # By its path, found on our own PATH: the job can write to folders of its own.
        words = [
            shutil.which("bwrap") or "bwrap",
            "--unshare-pid",
            "--die-with-parent",
            "--ro-bind",
            "/",
            "/",
        ]
        words += ["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/run", "--tmpfs", "/opt"]
        words += _binds(
            "--ro-bind", [path for path in sorted(Path("/opt").glob("*")) if path != SEEN and path.exists()]
        )
        words += ["--bind", str(self.temporary), "/tmp"]
        covered = [Path("/tmp"), Path("/run")]
        for path in self.hidden:
            if path.exists() and not _below(path, covered):
                words += ["--tmpfs", str(path)]
                covered.append(path)
        shown = [path for path in self.visible if path.exists() and _below(path, covered)]
        words += _binds("--ro-bind", sorted(set(shown)))
        words += _binds("--bind", self.writable)
        words += ["--bind", str(self.layout), str(SEEN), "--chdir", str(directory)]
        if os.getuid() == 0:
            words += ["--cap-drop", "ALL"]  # or root could undo the mounts
        if not self.network:
            words += ["--unshare-net"]
        if variables is not None:
            words += ["--args", str(variables)]
        return [*words, "--", *command]


@contextlib.contextmanager
def variables_file(variables: Mapping[str, str]) -> Iterator[int]:
    """The descriptor of a file that tells bubblewrap the variables of the command.

    Unlike arguments, no other user can read it.
    """
    with tempfile.TemporaryFile() as file:
        for name, value in variables.items():
            file.write(b"".join(os.fsencode(word) + b"\0" for word in ("--setenv", name, value)))
        file.seek(0)
        yield file.fileno()


def _binds(option: str, paths: Iterable[Path]) -> list[str]:
    return [word for path in paths for word in (option, str(path), str(path))]


def _below(path: Path, folders: Sequence[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def usable(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether jobs are isolated: as `IRONWORKS_SANDBOX` says (`bubblewrap` or `none`), else if it works.

    Raises:
        PlatformError: the setting has another value, or it asks for bubblewrap and that does not work.
    """
    setting = environ.get(_SETTING, "")
    if setting == "none":
        return False
    if setting not in ("", "bubblewrap"):
        raise PlatformError(f"{_SETTING} is {setting!r}. Set it to 'bubblewrap' or 'none', or unset it.")
    fault = probe()
    if fault and setting:
        raise PlatformError(f"{_SETTING} asks for bubblewrap, and {fault}")
    return not fault


@functools.cache
def probe() -> str:
    """Why bubblewrap does not work here, found by using it; empty if it does."""
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed. Install it: apt install bubblewrap, or dnf install bubblewrap."
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        box = Sandbox(layout=path, temporary=path, writable=(), hidden=(), visible=())
        ran = subprocess.run(
            box.wrap(["true"], SEEN), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
    if ran.returncode == 0:
        return ""
    return f"bubblewrap does not work on this machine: {ran.stderr.strip()}"
