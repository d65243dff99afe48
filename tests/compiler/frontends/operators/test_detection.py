"""What detectors are made of, against MXNet: anchors, boxes, suppression, regions."""

from __future__ import annotations

import numpy as np
import pytest
from tests.compiler.frontends.single_operator import (
    assert_equal,
    assert_imported_equals_mxnet,
    case,
    imported,
    run_onnxruntime,
    write,
)

from ironworks.compiler.references.interpreter import InterpretedModel


def boxes(*shape: int, seed: int = 0, size: float = 40) -> np.ndarray:
    """Corners on a grid of quarters, so that many overlap and some by exactly a half."""
    random = np.random.default_rng(seed)
    corner = random.integers(0, 80, (*shape, 2)) / 4
    return np.concatenate([corner, corner + random.integers(1, size, (*shape, 2)) / 4], -1)


def detections(batch: int, count: int, classes: int = 3, order: str = "isb", seed: int = 0) -> np.ndarray:
    """Rows of id, score and box in the `order` given; scores of some are equal, and of some not valid."""
    random = np.random.default_rng(seed)
    parts = {
        "i": random.integers(0, classes, (batch, count, 1)),
        "s": random.integers(-20, 100, (batch, count, 1)) / 100,
        "b": boxes(batch, count, seed=seed),
    }
    return np.concatenate([parts[key] for key in order], -1).astype(np.float32)


def rois(count: int, batch: int = 2) -> np.ndarray:
    number = np.random.default_rng(3).integers(0, batch, (count, 1))
    return np.concatenate([number, boxes(count) * 3], -1)


def multibox(batch: int = 2, classes: int = 4, count: int = 40) -> list[np.ndarray]:
    random = np.random.default_rng(5)
    scores = np.exp(random.standard_normal((batch, classes, count)) * 2)
    corner = random.random((1, count, 2)) * 0.7
    anchors = np.concatenate([corner, corner + 0.1 + random.random((1, count, 2)) * 0.4], -1)
    return [scores / scores.sum(1, keepdims=True), random.standard_normal((batch, count * 4)), anchors]


NMS = "_contrib_box_nms"
MULTIBOX = "_contrib_MultiBoxDetection"
DEFORMABLE = "_contrib_ModulatedDeformableConvolution"
FLIPPED = detections(1, 20)
FLIPPED[:, ::3, [2, 4]] = FLIPPED[:, ::3, [4, 2]]
NEGATIVE = detections(1, 20)
NEGATIVE[..., 2:] -= 8
NO_CLASS = detections(2, 30)
NO_CLASS[:, ::4, 0] = -1
CASES = [
    case(NMS, [detections(1, 60)]),
    case(NMS, [NO_CLASS], id_index=0),
    case(NMS, [NO_CLASS], id_index=0, background_id=2),
    case(NMS, [detections(3, 60)], id_index=0),
    case(NMS, [detections(3, 60)], id_index=0, force_suppress=True),
    case(NMS, [detections(2, 60)], id_index=0, valid_thresh=0.3, topk=20, overlap_thresh=0.2),
    case(NMS, [detections(2, 60)], id_index=0, background_id=1),
    case(NMS, [detections(2, 60)], background_id=1),
    case(NMS, [detections(2, 60)], valid_thresh=2),
    case(NMS, [detections(2, 60)], topk=0),
    case(NMS, [detections(2, 60)], topk=1),
    case(NMS, [detections(2, 60)], overlap_thresh=1.5, valid_thresh=-1),
    case(NMS, [detections(2, 60)[0]], id_index=0, overlap_thresh=0),
    case(NMS, [detections(4, 15).reshape(2, 2, 15, 6)], id_index=0),
    case(NMS, [detections(2, 30, order="sb")], score_index=0, coord_start=1),
    case(NMS, [detections(2, 30, order="bis")], score_index=5, coord_start=0, id_index=4, out_format="center"),
    case(NMS, [detections(2, 30)], out_format="center"),
    case(NMS, [detections(2, 30)], in_format="center", overlap_thresh=0.3),
    case(NMS, [detections(2, 30, order="bsi")], score_index=4, coord_start=0, in_format="center",
         out_format="center"),
    case(NMS, [FLIPPED], out_format="center"),
    case(NMS, [NEGATIVE], out_format="center"),
    case(NMS, [detections(1, 700, classes=20)], id_index=0, topk=400, valid_thresh=0.01, overlap_thresh=0.45),
    case("_contrib_box_decode", [(2, 7, 4), boxes(1, 7)]),
    case("_contrib_box_decode", [(2, 7, 4), boxes(1, 7)], format="corner", std0=0.1, std1=0.2, std2=0.3, std3=0.4),
    case("_contrib_box_decode", [(2, 7, 4), boxes(1, 7)], format="corner", clip=0.25),
    case("_contrib_box_iou", [boxes(5), boxes(6, seed=1)]),
    case("_contrib_box_iou", [boxes(2, 5), boxes(6, seed=1)], format="center"),
    case("_contrib_box_iou", [FLIPPED[0, :, 2:], boxes(6, seed=1)]),
    case("_contrib_MultiBoxPrior", [(1, 3, 4, 6)]),
    case("_contrib_MultiBoxPrior", [(2, 3, 5, 5)], sizes=(0.3, 0.5), ratios=(1, 2, 0.5)),
    case("_contrib_MultiBoxPrior", [(1, 3, 4, 6)], sizes=(0.7,), ratios=(1, 3), clip=True),
    case("_contrib_MultiBoxPrior", [(1, 3, 4, 6)], sizes=(0.2, 0.3), ratios=(2,), steps=(0.1, 0.2), offsets=(0.25, 1)),
    case(MULTIBOX, multibox()),
    case(MULTIBOX, multibox(), threshold=0.5, nms_threshold=0.3),
    case(MULTIBOX, multibox(), force_suppress=True, clip=False),
    case(MULTIBOX, multibox(), nms_topk=9),
    case(MULTIBOX, multibox(), nms_topk=9, threshold=0.9),
    case(MULTIBOX, multibox(), nms_threshold=0),
    case(MULTIBOX, multibox(), threshold=1),
    case(MULTIBOX, multibox(classes=2), variances=(0.2, 0.3, 0.1, 0.4), background_id=1),
    case("_contrib_ROIAlign", [(2, 3, 30, 40), rois(6)], pooled_size=(3, 2), spatial_scale=0.5),
    case("_contrib_ROIAlign", [(2, 3, 30, 40), rois(6)], pooled_size=(7, 7), spatial_scale=0.5, sample_ratio=2),
    case("_contrib_ROIAlign", [(2, 3, 8, 9), rois(6)], pooled_size=(2, 2), spatial_scale=0.25, aligned=True),
    case("_contrib_ROIAlign", [(2, 3, 30, 40), np.full((2, 5), [0, -1, -1, -1, -1])], pooled_size=(2, 2),
         spatial_scale=1),
    case(DEFORMABLE, [(2, 4, 6, 7), (2, 18, 6, 7), ("positive", (2, 9, 6, 7)), (3, 4, 3, 3), (3,)], kernel=(3, 3),
         num_filter=3, pad=(1, 1)),
    case(DEFORMABLE, [(1, 4, 9, 9), (1, 36, 4, 4), ("positive", (1, 18, 4, 4)), (4, 2, 3, 3)], kernel=(3, 3),
         num_filter=4, stride=(2, 2), num_group=2, num_deformable_group=2, no_bias=True),
    case("ROIPooling", [(2, 3, 30, 40), rois(6)], pooled_size=(3, 2), spatial_scale=0.5),
]  # fmt: skip


@pytest.mark.parametrize(("op", "shapes", "weights", "outputs", "attributes"), CASES)
def test_equals_mxnet(originals, symbol, tmp_path, op, shapes, weights, outputs, attributes):
    assert_imported_equals_mxnet(originals, symbol, tmp_path, op, shapes, weights, outputs, attributes)


def test_a_region_of_no_image_is_zero(symbol, tmp_path):
    """MXNet leaves the memory of such a region as it finds it."""
    regions = np.array([[0, 1, 1, 5, 5], [-1, 1, 1, 5, 5]])
    inputs = write(
        symbol,
        tmp_path,
        "_contrib_ROIAlign",
        [(1, 2, 8, 8), regions],
        [],
        1,
        {"pooled_size": 2, "spatial_scale": 1},
    )
    pooled = run_onnxruntime(imported(tmp_path, inputs), inputs)[0]
    assert np.abs(pooled[0]).min() > 0
    assert np.array_equal(pooled[1], np.zeros((2, 2, 2)))


INTERPRETED = [item for item in CASES if item.values[0] != "ROIPooling"]
"""ONNX's interpreter has no MaxRoiPool."""


@pytest.mark.parametrize(("op", "shapes", "weights", "outputs", "attributes"), INTERPRETED)
def test_means_the_same_to_onnx(symbol, tmp_path, op, shapes, weights, outputs, attributes):
    inputs = write(symbol, tmp_path, op, shapes, weights, outputs, attributes)
    model = imported(tmp_path, inputs)
    assert_equal(run_onnxruntime(model, inputs), InterpretedModel(model).run(inputs))
