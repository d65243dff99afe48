"""Runs a model with ncnn, whose tensors have no dimension for batches."""

from __future__ import annotations

import os.path
from collections.abc import Sequence
from typing import Any

import ncnn
import numpy as np

from ironworks.runtime.engines import Array, Engine, Folder
from ironworks.runtime.manifest import ArtifactError, Manifest


def start(manifest: Manifest, folder: Folder, threads: int) -> Engine:
    """Load the network in float32. The option `winograd` is `on` (default) or `off`.

    Raises:
        ArtifactError: ncnn refuses the model.
    """
    net = ncnn.Net()
    for name in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
        setattr(net.opt, name, False)
    net.opt.use_winograd_convolution = manifest.options.get("winograd", "on") == "on"
    net.opt.num_threads = threads
    param = os.path.join(folder, manifest.entry)
    if net.load_param(param) or net.load_model(param.removesuffix(".param") + ".bin"):
        raise ArtifactError(f"ncnn {ncnn.__version__} cannot open the model.")
    return _Network(net, manifest)


class _Network:
    def __init__(self, net: Any, manifest: Manifest) -> None:
        self._net = net
        self._manifest = manifest

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array] | None = None) -> list[Array]:
        answers = []
        # An extractor is one run; the network itself is shared by all threads.
        with self._net.create_extractor() as extractor:
            for number, array in enumerate(inputs):
                extractor.input(f"in{number}", ncnn.Mat(array[0]))
            for number, tensor in enumerate(self._manifest.outputs):
                state, answer = extractor.extract(f"out{number}")
                if state:
                    raise ArtifactError(f"ncnn did not compute the output {tensor.name} (state {state}).")
                answers.append(np.array(answer, np.float32).reshape(tensor.shape))
        if outputs is None:
            return answers
        for array, answer in zip(outputs, answers, strict=True):
            np.copyto(array, answer)
        return list(outputs)
