"""Names for jobs and endpoints that were given none."""

from __future__ import annotations

import re
import secrets
import time

LONGEST = 63


def unique_name(base: str) -> str:
    """`mxnet-2026-11-24-18-22-33-a1b2`: `base`, the time (UTC) and a random end, in SageMaker's letters and length."""
    stamp = time.strftime("%Y-%m-%d-%H-%M-%S", time.gmtime())
    tail = f"-{stamp}-{secrets.token_hex(2)}"
    words = re.sub("[^a-zA-Z0-9]+", "-", base).strip("-") or "job"
    return words[: LONGEST - len(tail)].rstrip("-") + tail
