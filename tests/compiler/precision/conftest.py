"""Networks that have been trained: the notebook's on MNIST, where that is there, and a small one on made-up data."""

from __future__ import annotations

import gzip
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tests.compiler.native.networks import graph

from ironworks.datasets import Mnist

CACHE = Path(os.environ.get("IRONWORKS_CACHE", Path(__file__).parents[3] / ".cache")).absolute()


def trained(images, labels, widths, epochs, rate=0.1):
    """A perceptron with ReLU and softmax, trained by gradient descent with momentum on batches of 100."""
    random = np.random.default_rng(0)
    layers = [
        [
            (random.standard_normal((units, inputs)) * np.sqrt(2 / inputs)).astype(np.float32),
            np.zeros(units, np.float32),
        ]
        for inputs, units in pairwise(widths)
    ]
    speeds = [[np.zeros_like(array) for array in layer] for layer in layers]
    for _ in range(epochs):
        for rows in np.array_split(random.permutation(len(images)), len(images) // 100):
            values = [images[rows]]
            for number, (weights, bias) in enumerate(layers):
                sums = values[-1] @ weights.T + bias
                values.append(sums if number == len(layers) - 1 else np.maximum(sums, 0))
            powers = np.exp(values[-1] - values[-1].max(1, keepdims=True))
            slope = powers / powers.sum(1, keepdims=True)
            slope[np.arange(len(rows)), labels[rows]] -= 1
            slope /= len(rows)
            for number in reversed(range(len(layers))):
                changes = slope.T @ values[number], slope.sum(0)
                slope = (slope @ layers[number][0]) * (values[number] > 0)
                for array, speed, change in zip(layers[number], speeds[number], changes, strict=True):
                    speed *= 0.9
                    speed -= rate * change
                    array += speed
    return layers


def perceptron(layers, batch=1):
    """The graph of what was trained."""
    nodes, constants, tensor = [], {}, "data"
    for number, (weights, bias) in enumerate(layers):
        constants |= {f"w{number}": weights, f"b{number}": bias}
        nodes.append(("Gemm", [tensor, f"w{number}", f"b{number}"], f"z{number}", {"transB": 1}))
        tensor = f"z{number}"
        if number < len(layers) - 1:
            nodes.append(("Relu", [tensor], f"a{number}", {}))
            tensor = f"a{number}"
    return graph(
        [*nodes, ("Softmax", [tensor], "y", {})], {"data": [batch, layers[0][0].shape[1]]}, constants
    )


@pytest.fixture(scope="session")
def mnist():
    """Images (0 to 1) and labels of `train` and `test`."""
    data = Mnist(CACHE / "datasets")
    if not data.present():
        pytest.skip(f"MNIST is not in {CACHE / 'datasets'}; the acceptance tests fetch it")

    def read(kind):
        images, labels = (
            gzip.decompress((CACHE / "datasets" / "mxnet" / "mnist" / kind / name).read_bytes())
            for name in ("images.gz", "labels.gz")
        )
        return np.frombuffer(images[16:], np.uint8).reshape(-1, 784), np.frombuffer(labels[8:], np.uint8)

    return {kind: read(kind) for kind in ("train", "test")}


@pytest.fixture(scope="session")
def digits(mnist):
    """The notebook's network, trained on 12,000 images, and the 10,000 test images as validation data."""
    images, labels = mnist["train"]
    scaled = images[:12_000].astype(np.float32) / 255
    model = perceptron(trained(scaled, labels[:12_000], (784, 128, 64, 10), epochs=3))
    test, answers = mnist["test"]
    return model, {"data": test.astype(np.float32) / 255, "labels": answers}, {"data": scaled[:300]}


@pytest.fixture(scope="session")
def clusters():
    """A network of 1.6 million products, trained on clouds of points around ten centres, and 600 more points."""
    random = np.random.default_rng(1)
    centres = random.standard_normal((10, 256)).astype(np.float32)
    labels = random.integers(0, 10, 1600)
    points = (centres[labels] + 4 * random.standard_normal((1600, 256))).astype(np.float32)
    layers = trained(points[:1000], labels[:1000], (256, 1024, 512, 10), epochs=2, rate=0.01)
    return perceptron(layers, batch=4), {"data": points[1000:], "labels": labels[1000:]}
