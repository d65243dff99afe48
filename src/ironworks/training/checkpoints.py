"""Checkpoints: copied in before the script runs, copied out while it runs and when it has ended."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from ironworks.errors import IronworksError
from ironworks.objects import ObjectStore, parse_s3_uri
from ironworks.training.layout import Layout
from ironworks.training.spec import Checkpoints


class CheckpointSync:
    """Uploads files of the checkpoint folder that are new or have changed, every few seconds.

    Entered when the folder holds what was downloaded. What a pass cannot upload the next one does;
    what the last pass, on leaving, cannot upload is an error.
    """

    def __init__(self, checkpoints: Checkpoints, layout: Layout, store: ObjectStore, interval: float) -> None:
        self._uri = checkpoints.uri
        self._directory = layout.place(checkpoints.local_path)
        self._layout = layout
        self._store = store
        self._interval = interval
        self._sent: dict[Path, tuple[int, int]] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._repeat, name="checkpoints", daemon=True)

    def __enter__(self) -> None:
        self._sent = dict(files(self._directory))
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        if error is None:
            self._sync()
        else:  # the script's own failure is the one to report
            with contextlib.suppress(IronworksError, OSError):
                self._sync()

    def _repeat(self) -> None:
        while not self._done.wait(self._interval):
            # A file may vanish under our hands, and a store may be away for a moment.
            with contextlib.suppress(IronworksError, OSError):
                self._sync()

    def _sync(self) -> None:
        """One pass.

        Raises:
            ClientError: the bucket refuses them, or the script put a link in the folder's place.
        """
        bucket, prefix = parse_s3_uri(self._uri)
        directory = self._layout.own(self._directory)
        for path, state in files(directory):
            if self._sent.get(path) != state:
                name = path.relative_to(directory).as_posix()
                self._store.upload(path, bucket, f"{prefix}/{name}".lstrip("/"))
                self._sent[path] = state


def files(directory: Path) -> Iterator[tuple[Path, tuple[int, int]]]:
    """Regular files below a folder, each with size and time of change (ns); links are left out."""
    for folder, _, names in os.walk(directory):
        for name in sorted(names):
            path = Path(folder, name)
            with contextlib.suppress(FileNotFoundError):
                status = path.lstat()
                if stat.S_ISREG(status.st_mode):
                    yield path, (status.st_size, status.st_mtime_ns)
