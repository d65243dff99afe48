from __future__ import annotations

import contextlib

import numpy as np
import onnxruntime
import pytest

from ironworks.runtime import load
from ironworks.runtime.engines import empty
from ironworks.runtime.engines import onnxruntime as engine


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


@pytest.mark.parametrize(("options", "spins"), [({}, "0"), ({"spinning": "run"}, "1")])
def test_threads_of_onnxruntime_spin_only_where_that_was_chosen_and_only_during_a_run(
    adder, monkeypatch, options, spins
):
    asked = {}
    session = onnxruntime.InferenceSession

    def start(path, options, **others):
        for name in ("session.intra_op.allow_spinning", "session.force_spinning_stop"):
            asked[name] = options.get_session_config_entry(name)
        return session(path, options, **others)

    monkeypatch.setattr(engine.onnxruntime, "InferenceSession", start)
    model = load(adder(single=True, options=options), threads=2)
    np.testing.assert_array_equal(model.run([1, 2, 3, 4])[0], [[2, 4, 6, 8]])
    assert asked == {"session.intra_op.allow_spinning": spins, "session.force_spinning_stop": "1"}


@pytest.mark.parametrize(
    ("precision", "flags", "exact"),
    [
        ("int8", "avx2 fma", True),
        ("int8-weights", None, True),
        ("int8", "avx2 avx512_vnni", False),
        ("int8", "avx2 avx_vnni", False),
        ("f32", "avx2", False),
    ],
)
def test_int8_is_exact_where_the_fast_kernels_would_cut_sums_off(
    adder, tmp_path, monkeypatch, precision, flags, exact
):
    asked = []
    session = onnxruntime.InferenceSession

    def start(path, options, **others):
        with contextlib.suppress(RuntimeError):  # without an entry
            asked.append(options.get_session_config_entry("session.x64quantprecision"))
        return session(path, options, **others)

    monkeypatch.setattr(engine.onnxruntime, "InferenceSession", start)
    monkeypatch.setattr(engine, "_CPU_INFO", tmp_path / "cpuinfo")
    if flags is not None:
        (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags : {flags}\n")
    model = load(adder(options={"precision": precision}))
    assert asked == (["1"] if exact else [])
    np.testing.assert_array_equal(model.run({"a": np.ones(4), "b": np.ones(4)})[0], [[2, 2, 2, 2]])
