"""One library that runs one model, as a process that is told when to run: `python rivals.py LIBRARY MODEL THREADS`.

It runs in the benchmark's own environment (or, as `ironworks`, in the project's) and answers `ready` with the
largest element of the first output, for a look at whether it is right, or `none REASON`. Then, for each line
with a number of seconds, it runs the model for about as long and answers the mean seconds of a call.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any

import numpy as np

Inputs = Mapping[str, np.ndarray]
Call = Callable[[], Any]


def ironworks(model: Path, inputs: Inputs, threads: int) -> Call:
    """Our artifact, as a user calls it."""
    from ironworks.runtime import load

    loaded = load(model, threads)
    data = next(iter(inputs.values())) if len(inputs) == 1 else dict(inputs)
    return lambda: loaded.run(data)


def onnxruntime(model: Path, inputs: Inputs, threads: int) -> Call:
    """`InferenceSession.run`."""
    session = _session(model, threads)
    feed = dict(inputs)
    return lambda: session.run(None, feed)


def onnxruntime_bound(model: Path, inputs: Inputs, threads: int) -> Call:
    """The same with inputs and outputs bound to memory beforehand."""
    session = _session(model, threads)
    binding = session.io_binding()
    for name, array in inputs.items():
        binding.bind_cpu_input(name, array)
    answers = [np.empty(answer.shape, np.float32) for answer in session.run(None, dict(inputs))]
    for output, answer in zip(session.get_outputs(), answers, strict=True):
        binding.bind_output(output.name, "cpu", 0, np.float32, answer.shape, answer.ctypes.data)

    def call() -> Any:
        session.run_with_iobinding(binding)
        return answers

    return call


def _session(model: Path, threads: int) -> Any:
    import onnxruntime as runtime

    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    return runtime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def openvino(model: Path, inputs: Inputs, threads: int) -> Call:
    """An infer request, arrays shared, float32 throughout."""
    import openvino as ov

    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
    }
    request = ov.Core().compile_model(str(model), "CPU", settings).create_infer_request()
    feed = dict(inputs)
    return lambda: request.infer(feed, share_inputs=True, share_outputs=True)


def ncnn(model: Path, inputs: Inputs, threads: int) -> Call:
    """Converted by pnnx; its graphs have no batch dimension."""
    import ncnn as library

    if len(inputs) != 1 or next(iter(inputs.values())).shape[0] != 1:
        raise ValueError("its graphs have no batch dimension, and this one has several inputs or a batch")
    data = next(iter(inputs.values()))
    tool = Path(sys.executable).with_name("pnnx")
    kind = "i64" if data.dtype == np.int64 else "f32"
    shape = f"inputshape=[{','.join(map(str, data.shape))}]{kind}"
    subprocess.run([tool, model, shape], check=True, stdout=subprocess.DEVNULL, cwd=model.parent)
    net = library.Net()
    for option in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
        setattr(net.opt, option, False)
    net.opt.num_threads = threads
    stem = model.with_suffix("")
    net.load_param(f"{stem}.ncnn.param")
    net.load_model(f"{stem}.ncnn.bin")

    def call() -> Any:
        with net.create_extractor() as extractor:
            extractor.input("in0", library.Mat(data[0]))
            return np.array(extractor.extract("out0")[1])

    return call


def mnn(model: Path, inputs: Inputs, threads: int) -> Call:
    """A session of the interpreter, precision high."""
    import MNN

    converted = model.with_suffix(".mnn")
    tool = Path(sys.executable).with_name("mnnconvert")
    arguments = ["-f", "ONNX", "--modelFile", model, "--MNNModel", converted, "--bizCode", "x"]
    subprocess.run([tool, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    interpreter = MNN.Interpreter(str(converted))
    session = interpreter.createSession({"numThread": threads, "precision": "high", "backend": "CPU"})
    tensors = interpreter.getSessionInputAll(session)
    kinds = {"float32": MNN.Halide_Type_Float, "int64": MNN.Halide_Type_Int, "int32": MNN.Halide_Type_Int}
    sources = []
    for name, array in inputs.items():
        plain = array.astype(np.int32) if array.dtype == np.int64 else array
        kind = kinds[array.dtype.name]
        source = MNN.Tensor(plain.shape, kind, plain, MNN.Tensor_DimensionType_Caffe)
        sources.append((tensors[name], source))
    output = interpreter.getSessionOutput(session)
    shape = output.getShape()
    host = MNN.Tensor(
        shape, MNN.Halide_Type_Float, np.zeros(shape, np.float32), MNN.Tensor_DimensionType_Caffe
    )

    def call() -> Any:
        for tensor, source in sources:
            tensor.copyFrom(source)
        interpreter.runSession(session)
        output.copyToHostTensor(host)
        return host.getNumpyData()

    return call


def torch_compile(model: Path, inputs: Inputs, threads: int) -> Call:
    """Converted by onnx2torch, compiled by Inductor."""
    import torch

    # onnx2torch needs it for detection operators only, and its builds do not load beside every build of torch.
    sys.modules["torchvision"] = ModuleType("torchvision")
    sys.modules["torchvision.ops"] = operators = ModuleType("torchvision.ops")
    operators.roi_align = None  # type: ignore[attr-defined]
    from onnx2torch import convert

    torch.set_num_threads(threads)
    module = torch.compile(convert(str(model)).eval())
    tensors = [torch.from_numpy(array) for array in inputs.values()]

    def call() -> Any:
        with torch.inference_mode():
            return module(*tensors)

    return call


LIBRARIES: Mapping[str, Callable[[Path, Inputs, int], Call]] = {
    "ironworks": ironworks,
    "ONNX Runtime": onnxruntime,
    "ONNX Runtime, bound": onnxruntime_bound,
    "OpenVINO": openvino,
    "ncnn": ncnn,
    "MNN": mnn,
    "torch.compile": torch_compile,
}


def largest(answer: Any) -> float:
    """The largest element of the first output, in whatever form the library gives it."""
    while isinstance(answer, (list, tuple)):
        answer = answer[0]
    if hasattr(answer, "keys"):
        answer = next(iter(answer.values()))
    return float(np.asarray(answer).max())


def run_for(call: Call, seconds: float) -> float:
    """The mean seconds of a call, over about `seconds`."""
    start = perf_counter()
    call()
    once = perf_counter() - start
    count = max(1, int(seconds / max(once, 1e-7)))
    start = perf_counter()
    for _ in range(count):
        call()
    return (perf_counter() - start) / count


def main() -> None:
    """Serve one library."""
    name, model, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    # The libraries write what they like to the standard output; the answers have a descriptor of their own.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    inputs = dict(np.load(model.parent / "inputs.npz"))
    with tempfile.TemporaryDirectory(prefix="rival-") as folder:
        if name not in ("ironworks",):
            copied = Path(folder) / "model.onnx"
            copied.write_bytes(model.read_bytes())
            model = copied
        try:
            call = LIBRARIES[name](model, inputs, threads)
            answers.write(f"ready {largest(call())!r}\n")
        except Exception as error:  # whatever a library raises is its reason
            answers.write(f"none {type(error).__name__}: {' '.join(str(error).split())[:200]}\n")
            return
        with contextlib.suppress(KeyboardInterrupt):
            for line in sys.stdin:
                answers.write(f"{run_for(call, float(line))!r}\n")


if __name__ == "__main__":
    main()
