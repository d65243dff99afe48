"""Where an installation keeps its state: one folder, the home, and what the environment says of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ironworks.errors import PlatformError

DEFAULT_PORT = 8750
LONGEST_HOME = 85
"""Bytes: a Unix socket's path has at most 107, of which `/run/` and the instance's name take the rest."""


@dataclass(frozen=True)
class Home:
    """The folders and files of one installation.

    `environments` and `datasets` hold what was downloaded and can be downloaded again, so several
    homes may share them; everything else belongs to this home alone.
    """

    path: Path
    database_url: str
    environments: Path
    datasets: Path

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Home:
        """Read `IRONWORKS_HOME`, `IRONWORKS_DATABASE_URL`, `IRONWORKS_ENVIRONMENTS`, `IRONWORKS_DATASETS`.

        One that is empty counts as unset, not as the current folder.
        """
        path = Path(environ.get("IRONWORKS_HOME") or "~/.ironworks").expanduser().absolute()
        return cls(
            path=path,
            database_url=environ.get("IRONWORKS_DATABASE_URL") or f"sqlite:///{path / 'ironworks.db'}",
            environments=Path(environ.get("IRONWORKS_ENVIRONMENTS") or path / "environments").absolute(),
            datasets=Path(environ.get("IRONWORKS_DATASETS") or path / "datasets").absolute(),
        )

    @property
    def objects(self) -> Path:
        """Blobs of the object store."""
        return self.path / "objects"

    @property
    def jobs(self) -> Path:
        """One folder a running training or compilation job."""
        return self.path / "jobs"

    @property
    def endpoints(self) -> Path:
        """One folder an endpoint: its unpacked models, sockets and instance logs."""
        return self.path / "endpoints"

    @property
    def sockets(self) -> Path:
        """One Unix socket a running endpoint instance."""
        return self.path / "run"

    @property
    def keys(self) -> Path:
        """The access key pair and account number (JSON, mode 0600)."""
        return self.path / "keys"

    @property
    def metrics_token(self) -> Path:
        """The bearer token of the metrics page (text, mode 0600)."""
        return self.path / "metrics.token"

    @property
    def ca(self) -> Path:
        """The certificate authority of the TLS gateway."""
        return self.path / "ca"

    @property
    def server_record(self) -> Path:
        """What runs on this home: process, address, start time (JSON)."""
        return self.path / "server.json"

    @property
    def server_log(self) -> Path:
        """What the server prints when it runs in the background."""
        return self.path / "server.log"

    def create(self) -> None:
        """Make the home and its folders, readable by the owner alone.

        Raises:
            PlatformError: the path is too long for the sockets in it, or the folders cannot be made.
        """
        if len(str(self.path).encode()) > LONGEST_HOME:
            raise PlatformError(
                f"The home {self.path} has more than {LONGEST_HOME} bytes, too long for the Unix sockets in it. "
                "Choose a shorter IRONWORKS_HOME."
            )
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.objects, self.jobs, self.endpoints, self.sockets):
                folder.mkdir(mode=0o700, exist_ok=True)
            self.environments.mkdir(parents=True, exist_ok=True)
            self.datasets.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PlatformError(
                f"The folder {error.filename} cannot be made: {error.strerror}. Choose another IRONWORKS_HOME, or "
                "change the owner of this one."
            ) from error
