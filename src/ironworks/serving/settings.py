"""What the environment of an instance says, as docs/serving.md lists it."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from dataclasses import dataclass

from ironworks.serving.errors import StartupError

PAYLOAD_LIMIT = 6 * 1024 * 1024
"""Bytes of a payload that SageMaker's real-time endpoints take."""

BATCH_LIMIT = 256
"""Invocations that the server hands over at once at most."""

_TOKEN = "IRONWORKS_DIRECT_TOKEN"
_INFO = 20
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "MXNET_CPU_WORKER_NTHREADS",
)
"""Variables that libraries read when they are loaded."""


@dataclass(frozen=True)
class Settings:
    """What an instance is to be like.

    Attributes:
        program: the hosting script in the model's `code` folder; None if nothing is said.
        log_level: a number of Python's logging.
        workers: processes that hold the model.
        answer_seconds: in which an invocation must be answered.
        payload_limit: bytes; larger payloads are answered with 413.
        max_batch: invocations that are computed together; 1: each by itself.
        max_delay: seconds that an invocation may wait for others.
        token: what the direct address asks for; None if nothing is said.
    """

    program: str | None = None
    log_level: int = _INFO
    workers: int = 1
    answer_seconds: int = 60
    payload_limit: int = PAYLOAD_LIMIT
    max_batch: int = 1
    max_delay: float = 0.002
    token: str | None = None

    @property
    def threads(self) -> int:
        """How many threads each worker may compute with, so that all together are no more than the cores."""
        return max(1, len(os.sched_getaffinity(0)) // self.workers)


def take_settings(environment: MutableMapping[str, str]) -> Settings:
    """Read `environment`, and take the token out of it, so that the user's code does not see it.

    Raises:
        StartupError: a variable has no sensible value.
    """
    return Settings(
        program=environment.get("SAGEMAKER_PROGRAM") or None,
        log_level=_number(environment, "SAGEMAKER_CONTAINER_LOG_LEVEL", _INFO, 0, 100),
        workers=_number(environment, "SAGEMAKER_MODEL_SERVER_WORKERS", 1, 1, 64),
        answer_seconds=_number(environment, "SAGEMAKER_MODEL_SERVER_TIMEOUT", 60, 1, 3600),
        payload_limit=_number(environment, "IRONWORKS_MAX_PAYLOAD", PAYLOAD_LIMIT, 1, 1 << 31),
        max_batch=_number(environment, "IRONWORKS_MAX_BATCH", 1, 1, BATCH_LIMIT),
        max_delay=_number(environment, "IRONWORKS_MAX_DELAY_MS", 2, 0, 1000) / 1000,
        token=environment.pop(_TOKEN, None) or None,
    )


def limit_threads(environment: MutableMapping[str, str], threads: int) -> None:
    """Say to libraries that are loaded from now on how many threads they may use, where the user has not."""
    for name in _THREADS:
        environment.setdefault(name, str(threads))


def _number(environment: MutableMapping[str, str], name: str, default: int, least: int, most: int) -> int:
    value = environment.get(name, "").strip()
    if not value:
        return default
    if not (value.isascii() and value.isdecimal()) or not least <= int(value) <= most:
        raise StartupError(f"{name} is {value!r}: give a whole number from {least} to {most:,}.")
    return int(value)
