"""Operators that make, look up, cut, order and resize arrays, against MXNet."""

from __future__ import annotations

import numpy as np
import pytest
from tests.compiler.frontends.single_operator import IMAGE, assert_imported_equals_mxnet, case

CUBE = (3, 4, 5)
WHOLE = ("whole", (3, 4))
RESIZE = "_contrib_BilinearResize2D"
CASES = [
    *[case(op, [], shape=(2, 3)) for op in ("_zeros", "_ones")],
    case("_full", [], shape=(2, 3), value=-1.5),
    case("_full", [], shape=(2, 3), value=7, dtype="int32"),
    case("_arange", [], start=5),
    case("_arange", [], start=2, stop=11, step=2.5, repeat=2),
    case("_arange", [], start=5, stop=-1, step=-2, dtype="int32"),
    case("_contrib_arange_like", [CUBE]),
    case("_contrib_arange_like", [CUBE], axis=-1, start=3, step=0.5),
    case("shape_array", [CUBE]),
    case("size_array", [CUBE]),
    case("repeat", [(2, 3)], repeats=2),
    case("repeat", [(2, 3)], repeats=3, axis=-1),
    case("repeat", [CUBE], repeats=2, axis=0),
    case("reverse", [CUBE], axis=(0, 2)),
    case("reshape_like", [(3, 4), (2, 6)]),
    case("reshape_like", [(30, 7), (15, 2, 4)], lhs_begin=0, lhs_end=1, rhs_begin=0, rhs_end=2),
    case("broadcast_like", [(1, 2, 3), (5, 6)], lhs_axes=(0,), rhs_axes=(1,)),
    case("depth_to_space", [(2, 8, 3, 4)], block_size=2),
    case("space_to_depth", [(2, 3, 4, 6)], block_size=2),
    case("_split_v2", [(2, 7, 3)], outputs=3, indices=(0, 2, 6)),
    case("_split_v2", [(2, 6, 3)], outputs=3, indices=(0,), sections=3, axis=2, squeeze_axis=True),
    case("SliceChannel", [(2, 1, 3)], num_outputs=1, squeeze_axis=True),
    case("Crop", [(1, 2, 7, 8)], num_args=1, h_w=(3, 4), offset=(1, 2)),
    case("Crop", [(1, 2, 7, 8), (1, 1, 4, 4)], num_args=2, center_crop=True),
    case("gather_nd", [CUBE, ("indices", (2, 6))]),
    case("gather_nd", [CUBE, ("indices", (3, 2, 2))]),
    *[case("pick", [(3, 4), ("whole", (3,))], mode=mode) for mode in ("clip", "wrap")],
    case("pick", [CUBE, ("indices", (3, 5))], axis=1, keepdims=True),
    case("take", [(6, 3), ("whole", (2, 2))], mode="clip"),
    case("take", [(6, 3), ("whole", (2, 2))], mode="wrap"),
    case("take", [CUBE, ("indices", (2,))], axis=-1),
    case("one_hot", [("whole", (2, 3))], depth=3),
    case("one_hot", [("indices", (4,))], depth=4, on_value=2.5, off_value=-1),
    case("where", [("indices", (3,)), (3, 4, 2), (3, 4, 2)]),
    case("topk", [CUBE]),
    case("topk", [CUBE], k=3, axis=1, ret_typ="value", is_ascend=True),
    case("topk", [CUBE], outputs=2, k=2, axis=0, ret_typ="both"),
    case("topk", [CUBE], k=2, ret_typ="mask"),
    case("topk", [CUBE], k=7, axis=None, dtype="int32"),
    case("topk", [CUBE], k=0, ret_typ="value"),
    case("argsort", [CUBE]),
    case("argsort", [CUBE], axis=1, is_ascend=False, dtype="int32"),
    case("sort", [CUBE], axis=0, is_ascend=False),
    case("sort", [CUBE], axis=None),
    case("argmax", [CUBE]),
    case("argmin", [CUBE], keepdims=True),
    case("argmax", [(5,)], axis=0),
    case("argmax_channel", [(3, 4)]),
    *[case("UpSampling", [IMAGE, (2, 3, 14, 18)], scale=4, sample_type="nearest", num_args=2, multi_input_mode=mode)
      for mode in ("concat",)],
    case("UpSampling", [IMAGE, IMAGE], scale=2, sample_type="nearest", num_args=2, multi_input_mode="sum"),
    *[case("UpSampling", [IMAGE], [(4, 1, size, size)], scale=scale, sample_type="bilinear", num_filter=4, num_args=2)
      for scale, size in ((2, 4), (3, 5))],
    case(RESIZE, [IMAGE], height=11, width=20),
    case(RESIZE, [IMAGE], height=3, width=4, align_corners=False),
    case(RESIZE, [IMAGE], height=13, width=11, align_corners=False),
    case(RESIZE, [IMAGE], height=1, width=1),
    case(RESIZE, [IMAGE], scale_height=2, scale_width=1.5),
    case(RESIZE, [IMAGE, (1, 1, 5, 30)], mode="like"),
    case(RESIZE, [(1, 1, 6, 7)], mode="odd_scale", scale_height=2, scale_width=2),
    *[case(RESIZE, [(1, 1, 6, 7)], mode=mode)
      for mode in ("to_even_down", "to_even_up", "to_odd_down", "to_odd_up")],
    case("_contrib_AdaptiveAvgPooling2D", [IMAGE], output_size=(2, 2)),
    case("_contrib_AdaptiveAvgPooling2D", [IMAGE], output_size=5),
    case("_contrib_AdaptiveAvgPooling2D", [IMAGE], output_size=(9, 4)),
]  # fmt: skip


@pytest.mark.parametrize(("op", "shapes", "weights", "outputs", "attributes"), CASES)
def test_equals_mxnet(originals, symbol, tmp_path, op, shapes, weights, outputs, attributes):
    assert_imported_equals_mxnet(originals, symbol, tmp_path, op, shapes, weights, outputs, attributes)


ELEMENTWISE = [
    *[case(f"broadcast_{op}", [WHOLE, ("whole", (3, 1))])
      for op in ("not_equal", "logical_and", "logical_or", "logical_xor", "mod")],
    *[case(f"_{op}_scalar", [WHOLE], scalar=1)
      for op in ("greater", "greater_equal", "lesser", "lesser_equal", "equal", "not_equal")],
    *[case(op, [(3, 4)], scalar=scalar)
      for op in ("_mod_scalar", "_rmod_scalar") for scalar in (0.75, -0.75, 0)],
    case("broadcast_mod", [(3, 4), (3, 4)]),
    case("logical_not", [WHOLE]),
    *[case(op, [("positive", (3, 4))]) for op in ("log2", "log10", "arccosh")],
    *[case(op, [(3, 4)]) for op in ("tan", "sinh", "cosh", "arctan", "arcsinh", "fix", "trunc", "rint", "round")],
    *[case(op, [np.linspace(-0.9, 0.9, 7)]) for op in ("arcsin", "arccos", "arctanh")],
    *[case(op, [np.arange(-7, 8) / 2]) for op in ("fix", "trunc", "rint", "round")],
    case("broadcast_hypot", [(3, 4), (3, 1)]),
]  # fmt: skip


@pytest.mark.parametrize(("op", "shapes", "weights", "outputs", "attributes"), ELEMENTWISE)
def test_element_by_element_equals_mxnet(
    originals, symbol, tmp_path, op, shapes, weights, outputs, attributes
):
    assert_imported_equals_mxnet(originals, symbol, tmp_path, op, shapes, weights, outputs, attributes)
