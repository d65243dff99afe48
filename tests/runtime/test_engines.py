from __future__ import annotations

import numpy as np
import pytest

from ironworks.runtime import load
from ironworks.runtime.engines import empty


@pytest.mark.parametrize("dtype", ["float32", "int8", "float64", "bool"])
@pytest.mark.parametrize("shape", [(), (1,), (3, 5, 7)])
def test_buffers_begin_on_a_cache_line(shape, dtype):
    buffer = empty(shape, dtype)
    assert (buffer.shape, buffer.dtype) == (shape, np.dtype(dtype))
    assert buffer.ctypes.data % 64 == 0
    assert buffer.flags.c_contiguous


@pytest.mark.parametrize("level", ["all", "extended", "none"])
def test_onnxruntime_runs_at_every_level_of_optimisation(adder, level):
    model = load(adder(single=True, options={"optimization": level}), threads=2)
    np.testing.assert_array_equal(model.run([1, 2, 3, 4])[0], [[2, 4, 6, 8]])
