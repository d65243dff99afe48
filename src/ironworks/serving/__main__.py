"""`python -m ironworks.serving --model DIR --socket PATH`: the process of one endpoint instance.

`settings` says what it reads from the environment.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ironworks.serving.errors import StartupError
from ironworks.serving.settings import Settings, limit_threads, take_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal ends it.

    Returns:
        0 after a complete drain; 1 when it could not start (the last line printed says why) or left requests
        unanswered.
    """
    parser = argparse.ArgumentParser(prog="python -m ironworks.serving", description="Serve one model.")
    parser.add_argument("--model", type=Path, required=True, metavar="DIR", help="the unpacked model archive")
    parser.add_argument(
        "--listen", metavar="HOST:PORT", help="the direct address; its token is IRONWORKS_DIRECT_TOKEN"
    )
    parser.add_argument(
        "--socket", type=Path, required=True, metavar="PATH", help="the Unix socket to listen on"
    )
    options = parser.parse_args(arguments)
    _print_by_line()
    try:
        settings = take_settings(os.environ)
        logging.basicConfig(
            stream=sys.stdout, level=settings.log_level, format="%(levelname)s %(name)s: %(message)s"
        )
        if options.listen is not None and settings.token is None:
            raise StartupError("--listen needs a token: set IRONWORKS_DIRECT_TOKEN.")
        finished = _serve(options.model.absolute(), settings, options.socket.absolute(), options.listen)
    except StartupError as error:
        sys.stdout.flush()
        sys.stderr.write(" ".join(str(error).split()) + "\n")
        return 1
    return 0 if finished else 1


def _serve(model: Path, settings: Settings, path: Path, address: str | None) -> bool:
    limit_threads(os.environ, settings.threads)
    if settings.workers > 1:
        from ironworks.serving.workers import serve_by_workers

        return serve_by_workers(model, settings, path, address)
    from ironworks.serving import instance  # only now, because NumPy reads how many threads it may use

    return instance.serve(instance.prepare(model, settings), settings, path, address)


def _print_by_line() -> None:
    """What the user's code prints reaches the log when it is printed, not when a buffer is full."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)


if __name__ == "__main__":
    sys.exit(main())
