"""The user's code on its way to a job or an endpoint: one `.tar.gz` with the script at its root."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ironworks.errors import ClientError

if TYPE_CHECKING:
    from ironworks.sdk.session import Session

LEFT_OUT = ("__pycache__", ".git", ".ipynb_checkpoints", ".venv", "node_modules")


@dataclass(frozen=True)
class Source:
    """A script and what lies beside it.

    Attributes:
        entry_point: the script's file; with `source_dir`, its path within that.
        source_dir: a folder that is sent whole, or the S3 URI of a `.tar.gz` of one.
        dependencies: further files and folders, which are put beside the script.
    """

    entry_point: str
    source_dir: str = ""
    dependencies: Sequence[str] = ()

    @property
    def program(self) -> str:
        """The script as it is called inside the archive."""
        return self.entry_point if self.source_dir else Path(self.entry_point).name

    @property
    def stored(self) -> bool:
        """Whether the archive is in the object store already."""
        return self.source_dir.startswith("s3://")

    def check(self) -> None:
        """Look whether everything is there.

        Raises:
            ClientError: it is not.
        """
        if self.stored:
            return
        script = Path(self.source_dir) / self.entry_point
        if self.source_dir and Path(self.entry_point).is_absolute():
            raise ClientError(
                f"entry_point is {self.entry_point}. With source_dir={self.source_dir!r} give its path within that."
            )
        if not script.is_file():
            raise ClientError(
                f"There is no script {script} (looked for in {Path.cwd()}). Give entry_point as the path of a file, "
                "or as a path within source_dir."
            )
        for path in self.dependencies:
            if not Path(path).exists():
                raise ClientError(f"There is no {path}, which dependencies names.")

    def write(self, archive: Path) -> None:
        """Write the archive.

        Raises:
            ClientError: a file is not there.
        """
        self.check()
        with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
            for path in self._roots():
                tar.add(path, arcname=path.name, filter=_wanted)

    def upload(self, session: Session, uri: str) -> Source:
        """Put the archive to an S3 URI; the source as it is then known."""
        if self.stored:
            return self
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "sourcedir.tar.gz"
            self.write(archive)
            session.upload(archive, uri)
        return Source(self.program, uri)

    def fetch(self, session: Session, archive: Path) -> None:
        """Write the archive, from the object store if it is there."""
        if self.stored:
            session.download(self.source_dir, archive)
        else:
            self.write(archive)

    def _roots(self) -> Iterator[Path]:
        if self.source_dir:
            yield from sorted(Path(self.source_dir).iterdir())
        else:
            yield Path(self.entry_point)
        yield from (Path(path) for path in self.dependencies)


def _wanted(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if member.name.rpartition("/")[2] in LEFT_OUT else member
