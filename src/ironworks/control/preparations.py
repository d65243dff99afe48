"""Prepares the folders of variants, in threads: what takes its time must not keep other endpoints waiting."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from ironworks.control import model_folders
from ironworks.control.plans import Variant
from ironworks.control.platform import Platform
from ironworks.control.records import Resource
from ironworks.errors import PlatformError

THREADS = 8
"""Few of them work: making an environment is waiting for pip."""


class Preparations:
    """What is being prepared."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._under_way: dict[tuple[int, str], Future[None]] = {}
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="prepare-model")

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def done(self, endpoint: Resource, variant: Variant) -> bool:
        """Whether the folder of the variant's model is there; if nobody has begun to make it, that is done now.

        Raises:
            IronworksError: it cannot be made.
        """
        key = (endpoint.id, variant.folder)
        if key not in self._under_way:
            self._under_way[key] = self._threads.submit(
                model_folders.prepare, self._platform, endpoint, variant
            )
        if not self._under_way[key].done():
            return False
        try:
            self._under_way.pop(key).result()
        except OSError as error:
            raise PlatformError(
                f"The model data of {variant.model_name}, {variant.model_data}, could not be unpacked: {error}. "
                "See to the disk of this installation, and create the endpoint again."
            ) from error
        return True

    def call_off(self, endpoint_id: int) -> bool:
        """Whether one of the endpoint's goes on all the same: it has begun, and would make its folder anew."""
        for key in [key for key in self._under_way if key[0] == endpoint_id]:
            preparation = self._under_way[key]
            if preparation.cancel() or preparation.done():
                del self._under_way[key]
        return any(key[0] == endpoint_id for key in self._under_way)
