"""The sample data that AWS keeps in a bucket of its own in every region, readable by everybody."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from threading import Lock

from ironworks.errors import IronworksError
from ironworks.objects.errors import SampleDataUnavailable, SampleDataUnderWay

SAMPLES = ".samples"
"""The bucket that holds the rows of all regions' sample data. No user's bucket can have this name."""

SAMPLES_CREATED = datetime(2017, 11, 29, tzinfo=timezone.utc)
"""When AWS opened SageMaker."""

PATIENCE = 2.0
"""Seconds that a thread waits for another that fetches the data: a server has few threads, and fetching takes long."""

_NAME = re.compile(r"sagemaker-sample-data-([a-z]{2}(?:-[a-z]+)+-\d)")


def sample_region(bucket: str) -> str | None:
    """The region whose sample data the bucket's name means; None for any other bucket."""
    match = _NAME.fullmatch(bucket)
    return match.group(1) if match else None


class Samples:
    """Brings the sample data into the store when it is first asked for."""

    def __init__(
        self,
        files: Callable[[], Mapping[str, Path]],
        stored: Callable[[], bool],
        store: Callable[[Mapping[str, Path]], None],
    ) -> None:
        """`files` answers each key's local file, `stored` whether all are here, `store` puts them in."""
        self._files = files
        self._stored = stored
        self._store = store
        self._lock = Lock()
        self._ready = False
        self._failed = 0
        self._failure = ""

    def prepare(self) -> None:
        """Make sure that the sample data is in the store.

        Raises:
            SampleDataUnavailable: it cannot be brought here.
            SampleDataUnderWay: another thread is bringing it, and that takes longer.
        """
        if self._ready:
            return
        failed_before = self._failed
        if not self._lock.acquire(timeout=PATIENCE):
            raise SampleDataUnderWay
        try:
            if self._failed > failed_before:
                raise SampleDataUnavailable(self._failure)  # of the attempt that was waited for
            if not self._ready:
                self._bring()
        finally:
            self._lock.release()

    def _bring(self) -> None:
        try:
            if not self._stored():
                self._store(self._files())
        except IronworksError as error:
            self._failed += 1
            self._failure = str(error)
            raise SampleDataUnavailable(self._failure) from error
        self._ready = True
