"""Convolutions by Winograd's tiles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.compiler.native.networks import close, compiled, expected, graph, interpreted

from ironworks.compiler.native import decisions, lowering
from ironworks.compiler.native.kernels.winograd import blocks, transforms
from ironworks.compiler.native.layout import layout_of

random = np.random.default_rng(0)


def numbers(*shape):
    return random.standard_normal(shape).astype(np.float32)


def residual_block(images, channels, height, width, outputs, pads):
    """A convolution of a window of 3 × 3 with a bias, another tensor added, and Relu."""
    rows, columns = height + pads[0] + pads[2] - 2, width + pads[1] + pads[3] - 2
    return graph(
        [
            ("Conv", ["x", "w", "b"], "a", {"pads": pads}),
            ("Add", ["a", "other"], "s", {}),
            ("Relu", ["s"], "y", {}),
        ],
        {"x": [images, channels, height, width], "other": [images, outputs, rows, columns]},
        {"w": numbers(outputs, channels, 3, 3), "b": numbers(outputs)},
    )


@pytest.mark.parametrize("size", [2, 4])
def test_the_matrices_compute_a_correlation(size):
    matrices = transforms(size)
    tile, window = random.standard_normal((size + 2, size + 2)), random.standard_normal((3, 3))
    products = (matrices.weight @ window @ matrices.weight.T) * (matrices.data @ tile @ matrices.data.T)
    wanted = [[(tile[i : i + 3, j : j + 3] * window).sum() for j in range(size)] for i in range(size)]
    np.testing.assert_allclose(matrices.back @ products @ matrices.back.T, wanted, atol=1e-12)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.parametrize("size", [2, 4])
def test_a_convolution_of_any_size(size, monkeypatch, data):
    monkeypatch.setattr(decisions, "tile_size", lambda _: size)
    draw = data.draw
    lanes, registers = draw(st.sampled_from([(4, 16), (8, 16), (16, 32)]))
    channels, outputs = draw(st.integers(lanes, lanes + 9)), draw(st.integers(1, 40))
    height, width = draw(st.integers(size + 2, 15)), draw(st.integers(size + 2, 15))
    pads = draw(st.lists(st.integers(0, 1), min_size=4, max_size=4))
    model = residual_block(draw(st.integers(1, 2)), channels, height, width, outputs, pads)
    arrays = [
        numbers(*[size.dim_value for size in item.type.tensor_type.shape.dim]) for item in model.graph.input
    ]
    close(interpreted(model, lanes, registers, *arrays), expected(model, *arrays))


@settings(max_examples=100, deadline=None)
@given(
    height=st.integers(4, 70), width=st.integers(4, 70), size=st.sampled_from([2, 4]), rows=st.integers(1, 9)
)
def test_the_blocks_cover_an_image_and_stay_inside(height, width, size, rows):
    seen = np.zeros((height, width), bool)
    for top, tiles in blocks(layout_of((1, 1, height, width), 4), size, rows):
        for row in range(tiles.rows):
            for column in range(tiles.columns):
                y, x = top + min(row * size, tiles.last_y), min(column * size, tiles.last_x)
                assert 0 <= y <= height - size and 0 <= x <= width - size
                seen[y : y + size, x : x + size] = True
    assert seen.all()


@pytest.mark.parametrize("threads", [1, 3])
def test_compiled_blocks_share_the_work(threads, tmp_path, monkeypatch):
    monkeypatch.setattr(decisions, "tile_size", lambda _: 4)
    model = residual_block(1, 32, 40, 42, 96, [1, 1, 1, 1])
    x, other = numbers(1, 32, 40, 42), numbers(1, 96, 40, 42)
    network = compiled(model, tmp_path, threads=threads)
    close(network.run({"x": x, "other": other})[0], expected(model, x, other))


def kernels(channels, size, stride=1, group=1):
    model = graph(
        [("Conv", ["x", "w"], "y", {"pads": [1, 1, 1, 1], "strides": [stride, stride], "group": group})],
        {"x": [1, channels, size, size]},
        {"w": numbers(channels, channels // group, 3, 3)},
    )
    program = lowering.lower(model, lowering.Machine(16, 32))
    return {kernel.name for kernel in program.kernels}


def test_only_where_it_is_estimated_to_be_faster():
    assert "winograd_result" in kernels(64, 56)
    assert "winograd_result" not in kernels(64, 56, stride=2)
    assert "winograd_result" not in kernels(64, 56, group=64)
    assert "winograd_result" not in kernels(3, 56)
    assert "winograd_result" not in kernels(64, 1)
