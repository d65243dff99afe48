"""Networks to measure with: the shapes are those of the published ones, the weights are random."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference


class Net:
    """An ONNX graph, layer by layer; every method answers the name of the tensor that it adds."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}
        self._random = np.random.default_rng(0)

    def weight(self, *shape: int) -> str:
        """Random numbers that keep the size of what they multiply."""
        name = f"w{len(self.constants)}"
        spread = np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else 0.1
        self.constants[name] = (self._random.standard_normal(shape) * spread).astype(np.float32)
        return name

    def number(self, value: float) -> str:
        """A constant."""
        name = f"c{len(self.constants)}"
        self.constants[name] = np.float32(value)
        return name

    def add(self, operator: str, inputs: Sequence[str], **attributes: object) -> str:
        """Any node."""
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name, **attributes))
        return name

    def dense(self, x: str, inputs: int, outputs: int) -> str:
        """A dense layer."""
        return self.add("Gemm", [x, self.weight(outputs, inputs), self.weight(outputs)], transB=1)

    def conv(
        self, x: str, inputs: int, outputs: int, kernel: int, stride: int = 1, pad: int = -1, group: int = 1
    ) -> str:
        """A convolution; `pad` keeps the size if not given."""
        pads = [kernel // 2 if pad < 0 else pad] * 4
        weights = [self.weight(outputs, inputs // group, kernel, kernel), self.weight(outputs)]
        return self.add("Conv", [x, *weights], strides=[stride] * 2, pads=pads, group=group)

    def relu(self, x: str) -> str:
        """ReLU."""
        return self.add("Relu", [x])

    def relu6(self, x: str) -> str:
        """ReLU that ends at 6."""
        return self.add("Clip", [x, self.number(0), self.number(6)])

    def pool(self, x: str, size: int, stride: int, pad: int = 0) -> str:
        """Largest of each window."""
        return self.add("MaxPool", [x], kernel_shape=[size] * 2, strides=[stride] * 2, pads=[pad] * 4)

    def classify(self, x: str, channels: int) -> str:
        """The mean of each channel, and a thousand classes."""
        return self.dense(self.add("Flatten", [self.add("GlobalAveragePool", [x])]), channels, 1000)

    def matrix(self, x: str, inputs: int, outputs: int) -> str:
        """A dense layer of the last dimension, as exporters write it: a product and a sum."""
        product = self.add("MatMul", [x, self.weight(inputs, outputs)])
        return self.add("Add", [self.weight(outputs), product])

    def norm(self, x: str, size: int) -> str:
        """Layer normalisation."""
        return self.add("LayerNormalization", [x, self.weight(size), self.weight(size)], epsilon=1e-12)

    def gelu(self, x: str) -> str:
        """x · (1 + erf (x / √2)) / 2, as exporters write it."""
        error = self.add("Erf", [self.add("Div", [x, self.number(2**0.5)])])
        return self.add(
            "Mul", [self.add("Mul", [x, self.add("Add", [error, self.number(1)])]), self.number(0.5)]
        )

    def integers(self, *values: int) -> str:
        """A constant shape."""
        name = f"i{len(self.constants)}"
        self.constants[name] = np.array(values, np.int64)
        return name

    def model(self, shape: Sequence[int], output: str, dtype: int = TensorProto.FLOAT) -> onnx.ModelProto:
        """The model, whose input is `data`."""
        graph = helper.make_graph(
            self.nodes,
            "net",
            [helper.make_tensor_value_info("data", dtype, shape)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
            [numpy_helper.from_array(np.asarray(array), name) for name, array in self.constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        return shape_inference.infer_shapes(model, data_prop=True)


def mlp(batch: int) -> onnx.ModelProto:
    """The notebook's: 784-128-64-10."""
    net = Net()
    x = net.relu(net.dense("data", 784, 128))
    x = net.dense(net.relu(net.dense(x, 128, 64)), 64, 10)
    return net.model([batch, 784], net.add("Softmax", [x], axis=1))


def lenet5(batch: int) -> onnx.ModelProto:
    """LeCun's: 6 and 16 filters, 120-84-10."""
    net = Net()
    x = net.pool(net.relu(net.conv("data", 1, 6, 5, pad=2)), 2, 2)
    x = net.add("Flatten", [net.pool(net.relu(net.conv(x, 6, 16, 5, pad=0)), 2, 2)])
    x = net.dense(net.relu(net.dense(net.relu(net.dense(x, 400, 120)), 120, 84)), 84, 10)
    return net.model([batch, 1, 28, 28], net.add("Softmax", [x], axis=1))


def mxnet_lenet(batch: int) -> onnx.ModelProto:
    """That of MXNet's examples: 20 and 50 filters, tanh, 500-10."""
    net = Net()
    x = net.pool(net.add("Tanh", [net.conv("data", 1, 20, 5, pad=0)]), 2, 2)
    x = net.add("Flatten", [net.pool(net.add("Tanh", [net.conv(x, 20, 50, 5, pad=0)]), 2, 2)])
    x = net.dense(net.add("Tanh", [net.dense(x, 800, 500)]), 500, 10)
    return net.model([batch, 1, 28, 28], net.add("Softmax", [x], axis=1))


def resnet18(batch: int) -> onnx.ModelProto:
    """He and others, 2015; norms are folded already."""
    net, channels = Net(), 64
    x = net.pool(net.relu(net.conv("data", 3, 64, 7, 2)), 3, 2, 1)
    for outputs, stride in ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)):
        shortcut = x if stride == 1 else net.conv(x, channels, outputs, 1, stride)
        y = net.conv(net.relu(net.conv(x, channels, outputs, 3, stride)), outputs, outputs, 3)
        x, channels = net.relu(net.add("Add", [y, shortcut])), outputs
    return net.model([batch, 3, 224, 224], net.classify(x, 512))


def resnet50(batch: int) -> onnx.ModelProto:
    """The same with bottlenecks."""
    net, channels = Net(), 64
    x = net.pool(net.relu(net.conv("data", 3, 64, 7, 2)), 3, 2, 1)
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            stride = 2 if block == 0 and width > 64 else 1
            shortcut = x if block else net.conv(x, channels, width * 4, 1, stride)
            y = net.relu(net.conv(net.relu(net.conv(x, channels, width, 1)), width, width, 3, stride))
            x = net.relu(net.add("Add", [net.conv(y, width, width * 4, 1), shortcut]))
            channels = width * 4
    return net.model([batch, 3, 224, 224], net.classify(x, 2048))


def mobilenet_v2(batch: int) -> onnx.ModelProto:
    """Sandler and others, 2018."""
    net, channels = Net(), 32
    x = net.relu6(net.conv("data", 3, 32, 3, 2))
    stages = (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    )
    for expansion, outputs, blocks, first_stride in stages:
        for block in range(blocks):
            stride, hidden = first_stride if block == 0 else 1, channels * expansion
            y = net.relu6(net.conv(x, channels, hidden, 1)) if expansion > 1 else x
            y = net.relu6(net.conv(y, hidden, hidden, 3, stride, group=hidden))
            y = net.conv(y, hidden, outputs, 1)
            x = net.add("Add", [x, y]) if stride == 1 and channels == outputs else y
            channels = outputs
    return net.model([batch, 3, 224, 224], net.classify(net.relu6(net.conv(x, 320, 1280, 1)), 1280))


def squeezenet(batch: int) -> onnx.ModelProto:
    """Version 1.1 of Iandola and others, 2016."""
    net, channels = Net(), 64
    x = net.pool(net.relu(net.conv("data", 3, 64, 3, 2, pad=0)), 3, 2)
    for position, (squeeze, expand) in enumerate(
        ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
    ):
        if position in (2, 4):
            x = net.pool(x, 3, 2)
        y = net.relu(net.conv(x, channels, squeeze, 1))
        parts = [net.relu(net.conv(y, squeeze, expand, 1)), net.relu(net.conv(y, squeeze, expand, 3))]
        x, channels = net.add("Concat", parts, axis=1), 2 * expand
    x = net.add("GlobalAveragePool", [net.relu(net.conv(x, 512, 1000, 1))])
    return net.model([batch, 3, 224, 224], net.add("Flatten", [x]))


def bert(batch: int, layers: int, width: int, sequence: int = 128) -> onnx.ModelProto:
    """Devlin and others, 2018, in the sizes of Turc and others, 2019: heads of 64, the vectors of all tokens."""
    net, heads, words = Net(), width // 64, 30522
    table = net.weight(words, width)
    net.constants[table] *= (words * 1.0) ** 0.5
    x = net.add("Gather", [table, "data"])
    x = net.norm(net.add("Add", [x, net.weight(1, sequence, width)]), width)
    split, joined = net.integers(batch, sequence, heads, 64), net.integers(batch, sequence, width)
    for _ in range(layers):
        parts = []
        for order in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]):
            part = net.add("Reshape", [net.matrix(x, width, width), split])
            parts.append(net.add("Transpose", [part], perm=order))
        scores = net.add("Div", [net.add("MatMul", parts[:2]), net.number(8)])
        mixed = net.add("MatMul", [net.add("Softmax", [scores], axis=-1), parts[2]])
        mixed = net.add("Reshape", [net.add("Transpose", [mixed], perm=[0, 2, 1, 3]), joined])
        x = net.norm(net.add("Add", [net.matrix(mixed, width, width), x]), width)
        inner = net.gelu(net.matrix(x, width, 4 * width))
        x = net.norm(net.add("Add", [net.matrix(inner, 4 * width, width), x]), width)
    return net.model([batch, sequence], x, TensorProto.INT64)


NETWORKS: dict[str, Callable[[int], onnx.ModelProto]] = {
    "MLP": mlp,
    "LeNet-5": lenet5,
    "MXNet's LeNet": mxnet_lenet,
    "SqueezeNet 1.1": squeezenet,
    "MobileNetV2": mobilenet_v2,
    "ResNet-18": resnet18,
    "ResNet-50": resnet50,
    "BERT-tiny": partial(bert, layers=2, width=128),
    "BERT-mini": partial(bert, layers=4, width=256),
}
