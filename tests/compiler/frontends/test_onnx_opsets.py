"""ONNX models of every age: opset 7 to the newest, IR version 3 to the newest."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, defs, helper, numpy_helper

from ironworks.compiler.frontends import onnx as frontend
from ironworks.compiler.graph import IR_VERSION, OPSET
from ironworks.errors import ClientError

NEWEST = defs.onnx_opset_version()
X = np.random.default_rng(1).standard_normal((2, 3, 4, 4)).astype(np.float32)


class Net:
    """A network that is written differently in nearly every opset: attributes became inputs."""

    def __init__(self, opset: int) -> None:
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        random = np.random.default_rng(0)
        self.add("Conv", "x", self.constant(random.standard_normal((64, 3, 3, 3))), out="c", pads=[1] * 4)
        scales = [self.constant(random.random(64) + 0.5) for _ in range(4)]
        self.add("BatchNormalization", "c", *scales, out="n")
        self.changed("Clip", "n", out="k", since=11, min=np.float32(-0.5), max=np.float32(0.75))
        self.resize()
        self.changed("Pad", "u", out="p", since=11, pads=np.array([0, 0, 1, 1, 0, 0, 1, 1]))
        cut = {"starts": np.array([1, 1]), "ends": np.array([9, 9]), "axes": np.array([2, 3])}
        self.changed("Slice", "p", out="s", since=10, **cut)
        self.add("GlobalAveragePool", "s", out="g")
        self.changed("Squeeze", "g", out="q", since=13, axes=np.array([2, 3]))
        self.changed("Unsqueeze", "q", out="r", since=13, axes=np.array([1]))
        self.add("Softmax", "r", out="f", axis=1)  # over all that follows, before opset 13
        self.changed("ReduceMean", "f", out="t", since=18, axes=np.array([1]))
        self.changed("Squeeze", "t", out="z", since=13, axes=np.array([1]))
        self.add("Dropout", "z", out="d")
        self.add("MatMul", "d", self.constant(random.standard_normal((64, 5))), out="y")

    def add(self, op: str, *inputs: str, out: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(op, inputs, [out], f"{op}_{out}", **attributes))

    def constant(self, array: Any) -> str:
        array = np.asarray(array)
        array = array.astype(np.float32) if array.dtype == np.float64 else array
        self.constants.append(numpy_helper.from_array(array, f"w{len(self.constants)}"))
        return self.constants[-1].name

    def changed(self, op: str, data: str, out: str, since: int, **values: Any) -> None:
        """An operator whose attributes are inputs `since` an opset."""
        if self.opset >= since:
            self.add(op, data, *(self.constant(value) for value in values.values()), out=out)
        else:
            self.add(op, data, out=out, **{key: value.tolist() for key, value in values.items()})

    def resize(self) -> None:
        scales = np.array([1, 1, 2, 2], np.float32)
        if self.opset < 9:
            self.add("Upsample", "k", out="u", scales=scales.tolist(), mode="nearest")
        elif self.opset < 10:
            self.add("Upsample", "k", self.constant(scales), out="u", mode="nearest")
        elif self.opset < 11:
            self.add("Resize", "k", self.constant(scales), out="u", mode="nearest")
        else:
            place = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            roi = self.constant(np.zeros(8, np.float32))
            self.add("Resize", "k", roi, self.constant(scales), out="u", mode="nearest", **place)

    def model(self) -> onnx.ModelProto:
        inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, 4, 4])]
        old = self.opset < 9
        if old:  # IR version 3: every constant is an input
            inputs += [
                helper.make_tensor_value_info(item.name, item.data_type, item.dims) for item in self.constants
            ]
        outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 5])]
        graph = helper.make_graph(self.nodes, "net", inputs, outputs, self.constants)
        version = 3 if old else helper.find_min_ir_version_for([helper.make_opsetid("", self.opset)])
        return helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=version
        )


def read(folder, model, shapes):
    onnx.save(model, folder / "net.onnx")
    return frontend.read(folder, shapes, "archive")


def run(model: onnx.ModelProto, inputs: dict[str, Any]) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, inputs)[0]


@pytest.mark.parametrize("opset", [7, 8, 9, 10, 11, 12, 13, 17, 20, 21, NEWEST])
def test_a_model_of_any_opset_is_brought_to_ours_and_answers_the_same(tmp_path, opset):
    original = Net(opset).model()
    imported = read(tmp_path, original, {"x": [2, 3, 4, 4]})
    assert [item.version for item in imported.model.opset_import] == [OPSET]
    assert imported.model.ir_version <= IR_VERSION or opset == OPSET
    assert [item.name for item in imported.model.graph.input] == ["x"]
    assert imported.findings == []
    np.testing.assert_allclose(run(imported.model, {"x": X}), run(original, {"x": X}), rtol=1e-5, atol=1e-6)


def test_the_old_softmax_is_kept_over_all_that_follows_its_axis(tmp_path):
    old, new = (read(tmp_path, Net(opset).model(), {"x": [2, 3, 4, 4]}).model for opset in (12, 13))
    assert np.abs(run(old, {"x": X}) - run(new, {"x": X})).max() > 1e-3


def test_operators_are_reported_as_the_file_has_them(tmp_path):
    assert "Upsample" in read(tmp_path, Net(7).model(), {"x": [2, 3, 4, 4]}).operators


def single(op: str, opset: int, inputs: int = 1, **attributes: Any) -> onnx.ModelProto:
    names = [f"x{index}" for index in range(inputs)]
    graph = helper.make_graph(
        [helper.make_node(op, names, ["y"], "node", **attributes)],
        "net",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 8]) for name in names],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 8])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def test_an_operator_that_is_newer_than_our_opset_keeps_its_own(tmp_path):
    model = single("Swish", NEWEST)
    imported = read(tmp_path, model, {"x0": [2, 8]})
    assert [item.version for item in imported.model.opset_import] == [NEWEST]
    assert imported.findings == []


def test_an_old_model_that_cannot_be_converted_is_read_as_it_is_with_a_finding(tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("no adapter for Relu")

    monkeypatch.setattr("onnx.version_converter.convert_version", fail)
    imported = read(tmp_path, single("Relu", 9), {"x0": [2, 8]})
    assert imported.model.opset_import[0].version == 9
    assert "opset 9 and could not be brought to 20 (no adapter for Relu)" in imported.findings[0]


def test_a_model_of_opset_6_is_converted(tmp_path):
    model = single("Add", 6, inputs=2, broadcast=1)
    model.graph.input[1].CopyFrom(helper.make_tensor_value_info("x1", TensorProto.FLOAT, [8]))
    assert read(tmp_path, model, {"x0": [2, 8], "x1": [8]}).model.opset_import[0].version == OPSET


def test_a_model_from_before_opset_7_that_cannot_be_converted_is_refused(tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("no adapter for Add")

    monkeypatch.setattr("onnx.version_converter.convert_version", fail)
    model = single("Add", 6, inputs=2)
    with pytest.raises(
        ClientError, match=r"opset 6, and cannot be brought to a newer one .*Export it with opset 7"
    ):
        read(tmp_path, model, {"x0": [2, 8], "x1": [2, 8]})


def test_a_model_of_an_opset_that_is_not_known_yet_says_what_to_upgrade(tmp_path):
    with pytest.raises(ClientError, match=rf"of opset 99, and the installed onnx knows up to {NEWEST}"):
        read(tmp_path, single("Relu", 99), {"x0": [2, 8]})


def test_nodes_within_other_nodes_mean_what_they_meant(tmp_path):
    """The branches of an If, in which Softmax flattens as it did before opset 13."""
    branches = {
        f"{key}_branch": helper.make_graph(
            [helper.make_node("Softmax", ["x"], [key], key, axis=1)],
            key,
            [],
            [helper.make_tensor_value_info(key, TensorProto.FLOAT, [2, 3, 4])],
        )
        for key in ("then", "else")
    }
    graph = helper.make_graph(
        [helper.make_node("If", ["truth"], ["y"], "if", **branches)],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 3, 4])],
        [numpy_helper.from_array(np.array([True]), "truth")],
    )
    original = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)
    imported = read(tmp_path, original, {"x": [2, 3, 4]})
    assert "graphs within nodes" in imported.findings[0]
    x = X.reshape(-1)[:24].reshape(2, 3, 4)
    np.testing.assert_allclose(run(imported.model, {"x": x}), run(original, {"x": x}), rtol=1e-5)
