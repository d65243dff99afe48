"""The comparison of servers, with servers that answer what a test has chosen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from benchmarks.compiler.zoo import NETWORKS
from benchmarks.serving.__main__ import write
from benchmarks.serving.peers import environment, figures, others, ours
from benchmarks.serving.peers.figures import Figures, Line, Round, Session
from benchmarks.serving.peers.measuring import measure
from benchmarks.serving.peers.model import PAYLOADS, Prepared, finish
from benchmarks.serving.peers.page import section
from benchmarks.serving.peers.serving import Peer, Serving
from benchmarks.serving.peers.summary import bars
from tests.bench.servers import answering, ok

from ironworks.bench.payload import Payload
from ironworks.compiler.library import compile
from ironworks.errors import PlatformError

SCORES = np.linspace(0, 1, 10, dtype=np.float32)
MODEL = Prepared(Path(), Path(), Path(), dict.fromkeys(PAYLOADS, Payload(b"x", "text/plain")), SCORES)
SESSION = Session("2026-11-24", "a processor, 2 cores", [1, 8], 2, 1.0, 9.0, {"FastAPI": "1"})


def peer(key: str, scores: object = SCORES, payloads: tuple[str, ...] = PAYLOADS) -> Peer:
    """One that answers with `scores`."""

    @contextmanager
    def serve(_model: Prepared, _kind: str) -> Iterator[Serving]:
        body = json.dumps(np.asarray(scores).tolist()).encode()
        with answering(lambda _: ok(body)) as (destination, _):
            yield Serving(lambda: destination, lambda: 50_000_000)

    return Peer(key, key.title(), "as it is", serve, payloads)


def absent(key: str) -> Peer:
    """One that cannot be installed."""

    @contextmanager
    def serve(_model: Prepared, _kind: str) -> Iterator[Serving]:
        raise PlatformError("No matching distribution found.")
        yield

    return Peer(key, key.title(), "as it is", serve)


def measured(*peers: Peer, payloads: tuple[str, ...] = ("npy",), rounds: int = 2) -> list[Line]:
    *_, lines = measure(peers, payloads, MODEL, [1, 8], rounds, 0.01, lambda _: None)
    return lines


def line(key: str, p50: float, throughput: float = 1000.0, memory: int = 60_000_000) -> Line:
    """What `measure` might have found."""
    load = Figures(p50, 2 * p50, throughput, 0)
    return Line(key, key.title(), "as it is", "npy", [Round({1: load, 8: load}, load, memory, 1e-7)] * 3)


def test_peers_are_measured_in_turn_with_every_payload_that_they_take() -> None:
    said: list[str] = []
    both, one = peer("both"), peer("one", payloads=("npy",))
    *_, lines = measure([both, one], PAYLOADS, MODEL, [1, 8], 2, 0.01, said.append)
    assert [(line.key, line.payload, len(line.rounds)) for line in lines] == [
        ("both", "npy", 2),
        ("one", "npy", 2),
        ("both", "json", 2),
    ]
    assert [text.partition("] ")[2] for text in said[:3]] == [
        "round 1: Both, npy",
        "round 1: One, npy",
        "round 1: Both, json",
    ]
    first = lines[0].rounds[0]
    assert set(first.by_clients) == {1, 8} and first.memory == 50_000_000
    assert first.by_clients[1].p50 > 0 and first.half.throughput > 0 and lines[0].failed == 0


def test_a_peer_that_cannot_be_installed_is_a_line_that_says_so() -> None:
    good, missing = measured(peer("good"), absent("missing"))
    assert len(good.rounds) == 2 and not good.failure
    assert missing.rounds == () and missing.failure == "No matching distribution found."
    text = section(SESSION, [good, missing])
    assert "* Missing was not measured: No matching distribution found." in text
    assert "| Good | " in text and "| Missing | 0" not in text


@pytest.mark.parametrize("scores", [SCORES + 1e-4, [1, 2], {"error": "no"}])
def test_a_peer_that_answers_something_else_than_the_model_does_not_count(scores: object) -> None:
    (wrong,) = measured(peer("wrong", scores))
    assert "differs from the model's" in wrong.failure


def test_figures_survive_their_file(tmp_path: Path) -> None:
    lines = [line("direct", 50.0), *measured(absent("missing"))]
    figures.write(tmp_path / "f.json", SESSION, lines)
    session, found = figures.read(tmp_path / "f.json")
    assert session == SESSION
    assert found == [replace(one, rounds=list(one.rounds)) for one in lines]


def test_the_bars_are_compared_with_the_best_of_the_peers() -> None:
    lines = [
        line("direct", 50, 20_000),
        line("hooks", 100),
        line("server", 250),
        line("flask", 900, 900),
        line("gunicorn", 600, 1500),
        line("fastapi", 250, 4000),
        line("asgi", 90, 9000),
    ]
    found = {bar.what: (bar.measured, bar.holds) for bar in bars(lines, [1, 8])}
    assert found["p50, 1 client: Hooks, against Gunicorn"] == ("6.0 × lower", True)
    assert found["p50, 1 client: Direct, against Gunicorn"] == ("12.0 × lower", True)
    assert found["p50, 1 client: Direct, against Fastapi"] == ("5.0 × lower", True)
    assert found["p50, 1 client: Direct, against Asgi"] == ("1.8 × lower", False)
    assert found["throughput, 8 clients, against the best peer (Asgi)"] == ("2.2 ×", True)
    assert found["p99 / p50 at half of the saturating rate: Direct"] == ("2.0", True)
    assert found["added by the server over the direct address, p50, 1 client"] == ("0.20 ms", True)
    assert found["memory of an instance, with the notebook's hooks"] == ("60 MB", True)
    assert not any("Litserve" in what for what in found), "which was not measured"


def test_the_section_and_its_pictures_are_written_beside_the_others(tmp_path: Path) -> None:
    (tmp_path / "benchmarks.md").write_text("# Others\n")
    write(SESSION, [line("direct", 50), line("asgi", 90)], tmp_path)
    text = (tmp_path / "benchmarks.md").read_text()
    assert text.startswith("# Others\n") and "# Benchmarks of serving" in text
    assert "| Direct | 50 µs | 100 µs | 1,000 |" in text and "a processor, 2 cores" in text
    for name in ("serving-light.png", "serving-dark.png"):
        assert (tmp_path / "images" / name).read_bytes().startswith(b"\x89PNG") and name in text


def test_every_peer_has_requirements_that_are_pinned_and_a_name_of_its_own() -> None:
    everyone = [*ours.ours(), *others.peers()]
    assert len({one.key for one in everyone}) == len({one.name for one in everyone}) == len(everyone)
    assert all(one.versions for one in everyone)
    assert set(environment.versions("ray")) == {"numpy", "onnxruntime", "ray"}


def test_an_environment_that_pip_cannot_make_is_an_error_that_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "none.txt").write_text("./no-such-folder-here\n")
    monkeypatch.setattr(environment, "_REQUIREMENTS", tmp_path)
    monkeypatch.setenv("IRONWORKS_CACHE", str(tmp_path / "cache"))
    with pytest.raises(PlatformError, match=r"The environment of none cannot be installed: .+"):
        environment.prepare("none")
    assert not (tmp_path / "cache/environments/benchmarks-serving-none/ready").exists()


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """The notebook's network with random weights, as ONNX and compiled."""
    folder = tmp_path_factory.mktemp("network")
    onnx.save(NETWORKS["MLP"](1), folder / "model.onnx")
    compile(folder / "model.onnx", output=folder / "model.tar.gz")
    return finish(folder, folder / "model.onnx", folder / "model.tar.gz")


@pytest.mark.parametrize("key", ["direct", "server", "asgi", "fastapi"])
def test_real_servers_answer_what_the_model_does(network: Prepared, key: str) -> None:
    (one,) = [one for one in [*ours.ours(), *others.peers()] if one.key == key]
    *_, lines = measure([one], PAYLOADS, network, [2], 1, 0.02, print)
    assert [line.failure for line in lines] == ["", ""]
    assert all(line.rounds[0].difference <= 1e-5 and line.failed == 0 for line in lines)
    assert all(line.rounds[0].memory > 20_000_000 for line in lines)
