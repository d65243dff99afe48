"""`python -m ironworks.serving --model DIR --socket PATH`: the process of one endpoint instance.

It reads the environment of a SageMaker hosting container: SAGEMAKER_PROGRAM (the script in `DIR/code`) and
SAGEMAKER_CONTAINER_LOG_LEVEL (a number of Python's logging, 20 by default).
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ironworks.serving import instance
from ironworks.serving.errors import StartupError

_log = logging.getLogger("ironworks.serving")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal ends it.

    Returns:
        0 after a complete drain; 1 when it could not start (the last line printed says why) or left requests
        unanswered.
    """
    parser = argparse.ArgumentParser(
        prog="python -m ironworks.serving", description="Serve one compiled model."
    )
    parser.add_argument("--model", type=Path, required=True, metavar="DIR", help="the unpacked model archive")
    parser.add_argument(
        "--socket", type=Path, required=True, metavar="PATH", help="the Unix socket to listen on"
    )
    options = parser.parse_args(arguments)
    _print_by_line()
    logging.basicConfig(stream=sys.stdout, level=_log_level(), format="%(levelname)s %(name)s: %(message)s")
    try:
        handler = instance.prepare(options.model.absolute(), os.environ.get("SAGEMAKER_PROGRAM") or None)
        finished = instance.serve(handler, options.socket.absolute())
    except StartupError as error:
        sys.stdout.flush()
        sys.stderr.write(" ".join(str(error).split()) + "\n")
        return 1
    return 0 if finished else 1


def _print_by_line() -> None:
    """What the user's code prints reaches the log when it is printed, not when a buffer is full."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)


def _log_level() -> int:
    level = os.environ.get("SAGEMAKER_CONTAINER_LOG_LEVEL", "")
    return int(level) if level.isdecimal() else logging.INFO


if __name__ == "__main__":
    sys.exit(main())
