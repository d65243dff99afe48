"""Make the MXNet environment in the cache, if it is not there, and print its interpreter."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ironworks.training.environments import Environments

cache = Path(os.environ.get("IRONWORKS_CACHE", Path(__file__).parents[1] / ".cache")).absolute()
environment = Environments(cache / "environments").prepare(
    "mxnet", "1.9.1", lambda line: print(line, file=sys.stderr)
)
print(environment.python)
