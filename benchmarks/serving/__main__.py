"""Ironworks against other servers: `python -m benchmarks.serving`.

The same model and payload through Ironworks and its peers (`benchmarks/serving/peers`), each of which is installed
at the first call into an environment below `IRONWORKS_CACHE` (or `.cache`). With `--write` the figures become a
section of docs/benchmarks.md and its pictures.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from benchmarks.compiler.environment import ROOT, processor
from benchmarks.sections import write_section
from benchmarks.serving.peers import figures
from benchmarks.serving.peers.figures import Line, Session
from benchmarks.serving.peers.measuring import measure
from benchmarks.serving.peers.model import PAYLOADS, Prepared, prepare
from benchmarks.serving.peers.others import peers
from benchmarks.serving.peers.ours import ours
from benchmarks.serving.peers.page import IMAGES, SECTION, section
from benchmarks.serving.peers.plot import DARK, LIGHT, draw
from benchmarks.serving.peers.serving import Peer
from benchmarks.serving.peers.summary import bars

from ironworks.bench.connection import post
from ironworks.bench.floor import floor


def main() -> None:
    """Measure, print, and write what was asked for."""
    started = time.monotonic()
    arguments = _arguments()
    if arguments.read:
        session, lines = figures.read(arguments.read)
    else:
        session, lines = _measure(arguments, started)
    print(section(session, lines))
    if arguments.write:
        write(session, lines, ROOT / "docs")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    everyone = [peer.key for peer in _everyone()]
    words = lambda text: text.split(",")  # noqa: E731
    numbers = lambda text: [int(part) for part in text.split(",")]  # noqa: E731
    parser.add_argument("--peers", type=words, default=everyone, help=f"by commas, of {', '.join(everyone)}")
    parser.add_argument("--payload", type=words, default=list(PAYLOADS), help="by commas (default: npy,json)")
    parser.add_argument("--clients", type=numbers, default=[1, 8, 64], help="by commas (default: 1,8,64)")
    parser.add_argument("--rounds", type=int, default=3, help="starts of each server (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each load (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="keep the figures in this file, as they come")
    parser.add_argument("--read", type=Path, help="measure nothing, take the figures of this file")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and its pictures")
    arguments = parser.parse_args()
    for given, known in ((arguments.peers, everyone), (arguments.payload, PAYLOADS)):
        unknown = [word for word in given if word not in known]
        if unknown:
            parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
    return arguments


def _everyone() -> list[Peer]:
    return [*ours(), *peers()]


def _measure(arguments: argparse.Namespace, started: float) -> tuple[Session, list[Line]]:
    chosen = [peer for peer in _everyone() if peer.key in arguments.peers]
    with tempfile.TemporaryDirectory(prefix="ironworks-serving-") as folder:
        model = prepare(Path(folder))
        session = _session(arguments, chosen, model)
        lines: list[Line] = []
        for lines in measure(
            chosen,
            arguments.payload,
            model,
            arguments.clients,
            arguments.rounds,
            arguments.seconds,
            lambda text: print(f"{time.monotonic() - started:4.0f} s {text}", file=sys.stderr, flush=True),
        ):
            if arguments.json:
                figures.write(arguments.json, session, lines)
    return session, lines


def _session(arguments: argparse.Namespace, chosen: Sequence[Peer], model: Prepared) -> Session:
    payload = model.payloads[arguments.payload[0]]
    request = post("/invocations", "127.0.0.1", {"Content-Type": payload.content_type}, payload.body)
    versions = {name: version for peer in chosen for name, version in peer.versions.items()}
    return Session(
        date.today().isoformat(),
        processor(),
        arguments.clients,
        arguments.rounds,
        arguments.seconds,
        floor(request).p50,
        versions,
    )


def write(session: Session, lines: Sequence[Line], docs: Path) -> None:
    """Write the section and its pictures below `docs`."""
    images = docs / "images"
    images.mkdir(parents=True, exist_ok=True)
    for name, theme in zip(IMAGES, (LIGHT, DARK), strict=True):
        draw(lines, session.clients, images / name, theme)
    write_section(docs / "benchmarks.md", SECTION, section(session, lines))
    for bar in bars(lines, session.clients):
        print(f"{'holds' if bar.holds else 'FAILS'}  {bar.what}: {bar.measured} (bar: {bar.wanted})")


if __name__ == "__main__":
    main()
