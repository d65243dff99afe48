"""Suppression of any boxes, in every format, is MXNet's."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.compiler.frontends.single_operator import assert_equal, imported, run_onnxruntime, write

SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
FORMATS = st.sampled_from(["corner", "center"])


def rows(seed: int, batch: int, count: int, step: float) -> np.ndarray:
    """Rows (id, score, box) on a grid, so that scores tie and overlaps are exactly at thresholds."""
    random = np.random.default_rng(seed)
    ids = random.integers(-1, 3, (batch, count, 1))
    scores = np.round(random.uniform(-0.2, 1, (batch, count, 1)) / step) * step
    corners = random.integers(0, 12, (batch, count, 2))
    boxes = np.concatenate([corners, corners + random.integers(-1, 8, (batch, count, 2))], -1)
    return np.concatenate([ids, scores, boxes], -1).astype(np.float32)


@SETTINGS
@given(data=st.data())
def test_any_suppression_equals_mxnet(originals, symbol, tmp_path, data):
    symbol.nodes.clear()
    draw = data.draw
    attributes = {
        "overlap_thresh": draw(st.sampled_from([0, 0.25, 0.5, 0.7, 1])),
        "valid_thresh": draw(st.sampled_from([-1, 0, 0.5])),
        "topk": draw(st.sampled_from([-1, 1, 5, 400])),
        "id_index": draw(st.sampled_from([-1, 0])),
        "background_id": draw(st.sampled_from([-1, 1])),
        "force_suppress": draw(st.booleans()),
        "in_format": draw(FORMATS),
        "out_format": draw(FORMATS),
    }
    detections = rows(draw(st.integers(0, 999)), draw(st.integers(1, 3)), draw(st.integers(1, 40)), 0.1)
    inputs = write(symbol, tmp_path, "_contrib_box_nms", [detections], [], 1, attributes)
    assert_equal(run_onnxruntime(imported(tmp_path, inputs), inputs), originals.run_model(tmp_path, inputs))


@SETTINGS
@given(data=st.data())
def test_any_multibox_detection_equals_mxnet(originals, symbol, tmp_path, data):
    symbol.nodes.clear()
    draw = data.draw
    random = np.random.default_rng(draw(st.integers(0, 999)))
    batch, classes, count = draw(st.integers(1, 3)), draw(st.integers(2, 5)), draw(st.integers(1, 40))
    attributes = {
        "clip": draw(st.booleans()),
        "threshold": draw(st.sampled_from([0, 0.25, 0.6])),
        "nms_threshold": draw(st.sampled_from([0, 0.25, 0.5, 1])),
        "force_suppress": draw(st.booleans()),
        "nms_topk": draw(st.sampled_from([-1, 1, 5, 400])),
    }
    corners = random.integers(0, 7, (1, count, 2)) / 8
    anchors = np.concatenate([corners, corners + random.integers(1, 5, (1, count, 2)) / 8], -1)
    parts = [random.integers(0, 11, (batch, classes, count)) / 10, np.zeros((batch, count * 4)), anchors]
    inputs = write(symbol, tmp_path, "_contrib_MultiBoxDetection", parts, [], 1, attributes)
    assert_equal(run_onnxruntime(imported(tmp_path, inputs), inputs), originals.run_model(tmp_path, inputs))
