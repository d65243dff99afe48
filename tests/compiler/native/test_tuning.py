"""Ways that are measured: all of them compute the same, and the faster one is taken."""

from __future__ import annotations

import numpy as np
import pytest
from tests.compiler.native.networks import TARGET, close, expected, graph

from ironworks.compiler.backends import BuildOptions, find_backend
from ironworks.compiler.native import tuning
from ironworks.compiler.native.decisions import Decisions, ways
from ironworks.compiler.native.kernels.convolution import Convolution
from ironworks.compiler.native.kernels.dense import Dense
from ironworks.compiler.native.kernels.product import Product
from ironworks.compiler.native.lowering import Machine, lower
from ironworks.compiler.toolchain import NoCompiler, find_compiler, levels_of

random = np.random.default_rng(0)
MACHINE = Machine(8, 16)


def numbers(*shape):
    return random.standard_normal(shape).astype(np.float32)


def network():
    """A layer of each kind that can be computed in several ways."""
    nodes = [
        ("Conv", ["x", "w"], "a", {"pads": [1, 1, 1, 1]}),
        ("Conv", ["a", "d"], "b", {"group": 16, "pads": [1, 1, 1, 1]}),
        ("Flatten", ["b"], "f", {}),
        ("MatMul", ["f", "v"], "g", {}),
        ("Reshape", ["g", "s"], "h", {}),
        ("MatMul", ["h", "p"], "y", {}),
    ]
    constants = {
        "w": numbers(16, 16, 3, 3), "d": numbers(16, 1, 3, 3), "v": numbers(16 * 144, 32),
        "s": np.array([1, 4, 8]), "p": numbers(8, 24),
    }  # fmt: skip
    return graph(nodes, {"x": [1, 16, 12, 12]}, constants)


@pytest.fixture
def compiler():
    try:
        return find_compiler("x86_64")
    except NoCompiler as reason:
        pytest.skip(str(reason))


def layers(model):
    seen = Decisions()
    lower(model, MACHINE, seen)
    return seen.layers


def test_every_layer_is_asked_for_with_its_flops():
    found = layers(network())
    assert [type(layer) for layer in found] == [Convolution, Convolution, Dense, Product]
    assert found[next(iter(found))] == 2 * 144 * 16 * 16 * 9


@pytest.mark.parametrize("number", range(4))
def test_a_layer_computes_the_same_in_all_of_its_ways(number):
    model, x = network(), numbers(1, 16, 12, 12)
    layer = list(layers(model))[number]
    choices = ways(layer)
    assert len(set(choices)) == len(choices) > 1
    wanted = expected(model, x)
    for way in choices:
        program = lower(model, MACHINE, Decisions({layer: way}))
        close(program.interpret([x])[0].reshape(wanted.shape), wanted)


def test_the_fastest_way_is_taken(monkeypatch, compiler):
    monkeypatch.setattr(tuning, "_times", lambda programs, *_: [10.0, 9.9] + [1.0] * (len(programs) - 2))
    model, level = network(), levels_of(TARGET)[0]
    found = tuning.tune(model, level, compiler, 60)
    assert found
    for layer, way in found.items():
        assert way == ways(layer)[2]


def test_what_is_hardly_faster_is_left_as_it_was_estimated(monkeypatch, compiler):
    monkeypatch.setattr(tuning, "_times", lambda programs, *_: [10.0] + [9.9] * (len(programs) - 1))
    assert tuning.tune(network(), levels_of(TARGET)[0], compiler, 60) == {}


def test_it_ends_when_the_time_is_over(monkeypatch, compiler):
    monkeypatch.setattr(tuning, "_times", lambda *_: pytest.fail("there was no time"))
    lines = []
    assert tuning.tune(network(), levels_of(TARGET)[0], compiler, 0, lines.append) == {}
    assert lines == ["The time for tuning is over after 0 of 4 layers"]


def test_layers_are_compiled_and_timed(compiler):
    level = levels_of(TARGET)[-1]
    seen = Decisions()
    lower(network(), Machine(level.lanes, level.registers), seen)
    for layer in seen.layers:
        times = tuning._times([tuning._program(layer, way) for way in ways(layer)[:2]], level, compiler)
        assert all(time > 0 for time in times)


def test_a_tuned_candidate_competes_beside_the_estimated_one(monkeypatch, tmp_path, compiler):
    def tune(model, level, *_):
        seen = Decisions()
        lower(model, Machine(level.lanes, level.registers), seen)
        return {layer: ways(layer)[1] for layer in seen.layers}

    backend = find_backend("native")
    monkeypatch.setattr(backend, "tune", tune)
    model = network()
    candidates = backend.build(model, TARGET, tmp_path, BuildOptions(tune_seconds=1))
    assert [candidate.label for candidate in candidates][:2] == ["native", f"native (tuned {compiler.name})"]
    assert all((candidate.folder / candidate.entry).exists() for candidate in candidates)
    assert (candidates[0].folder / "model.so").read_bytes() != (
        candidates[1].folder / "model.so"
    ).read_bytes()
