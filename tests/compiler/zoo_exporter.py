"""Exports networks of MXNet's model zoo. This file is run as a script by MXNet's own interpreter.

Each line on standard input is `NAME SIZE FOLDER`. It writes FOLDER/model-symbol.json, model-0000.params and
case.npz (`x`: two images of SIZE × SIZE, `y`: what MXNet answers), then NAME, or NAME and what
failed, on standard output.

The weights are random, and such that no layer's answers vanish: those of a convolution or dense layer keep the
variance of what goes through it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import mxnet as mx
import numpy as np
from mxnet.gluon.model_zoo import vision

NORMALIZATION = {
    "gamma": (0.7, 1.0),
    "running_var": (0.7, 1.3),
    "beta": (-0.2, 0.2),
    "running_mean": (-0.2, 0.2),
}
"""Where the parameters of a BatchNorm lie, by the end of their names."""


def export(name: str, size: int, folder: Path) -> None:
    """Write one network and its answer."""
    mx.random.seed(1)
    network = vision.get_model(name)
    network.initialize(mx.init.Xavier("uniform", "in", magnitude=6))
    images = mx.nd.random.normal(shape=(2, 3, size, size))
    network(images)  # the shapes of the parameters are known from here on
    for parameter in network.collect_params().values():
        for ending, (low, high) in NORMALIZATION.items():
            if parameter.name.endswith(ending):
                parameter.set_data(mx.nd.random.uniform(low, high, parameter.shape))
    network.hybridize()
    answer = network(images)
    network.export(str(folder / "model"))
    np.savez(folder / "case.npz", x=images.asnumpy(), y=answer.asnumpy())


def main() -> None:
    """Export what standard input asks for."""
    for line in sys.stdin:
        name, size, folder = line.split()
        try:
            export(name, int(size), Path(folder))
            print(name, flush=True)
        except Exception as error:
            print(name, repr(error).replace("\n", " "), flush=True)


if __name__ == "__main__":
    main()
