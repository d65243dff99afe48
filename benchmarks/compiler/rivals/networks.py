"""Libraries that run ONNX models, and our own artifact."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from runpy import run_path
from typing import Any

import numpy as np
import onnx
from benchmarks.compiler.rivals import Call, Job, each_in_turn

_LITERT = Path(__file__).parents[3] / "src/ironworks/compiler/backends/litert_worker.py"


def ironworks(job: Job) -> Call:
    """Our artifact, on as many threads as it was compiled for; the answers are new arrays."""
    from ironworks.runtime import load

    loaded, feed = load(job.folder / "model.tar.gz"), _ours(job)
    return lambda: loaded.run(feed())


def ironworks_bound(job: Job) -> Call:
    """Our artifact; the answers go into the caller's arrays."""
    from ironworks.runtime import load

    loaded, feed = load(job.folder / "model.tar.gz"), _ours(job)
    answers = [np.empty(tensor.shape, tensor.dtype) for tensor in loaded.outputs]
    return lambda: loaded.run(feed(), out=answers)


def _ours(job: Job) -> Call:
    return each_in_turn(job.feeds if len(job.feeds[0]) > 1 else job.arrays)


def onnxruntime(job: Job) -> Call:
    """`InferenceSession.run`."""
    session = _session(job)
    feed = each_in_turn(map(dict, job.feeds))
    return lambda: session.run(None, feed())


def onnxruntime_bound(job: Job) -> Call:
    """The same with inputs and outputs bound to memory beforehand, a binding for each feed."""
    session = _session(job)
    answers = [np.empty_like(answer) for answer in session.run(None, dict(job.feeds[0]))]
    bindings = []
    for feed in job.feeds:
        binding = session.io_binding()
        for name, array in feed.items():
            binding.bind_input(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        for output, answer in zip(session.get_outputs(), answers, strict=True):
            binding.bind_output(output.name, "cpu", 0, answer.dtype, answer.shape, answer.ctypes.data)
        bindings.append((binding, feed))  # it does not keep the memory
    following = each_in_turn(bindings)

    def call() -> Any:
        session.run_with_iobinding(following()[0])
        return answers

    return call


def _session(job: Job) -> Any:
    import onnxruntime as runtime

    options = runtime.SessionOptions()
    options.intra_op_num_threads = job.threads
    options.log_severity_level = 4
    return runtime.InferenceSession(str(job.onnx), options, providers=["CPUExecutionProvider"])


def openvino(job: Job) -> Call:
    """An infer request, arrays shared, float32 throughout."""
    import openvino as ov

    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": job.threads,
        "INFERENCE_PRECISION_HINT": "f32",
    }
    request = ov.Core().compile_model(str(job.onnx), "CPU", settings).create_infer_request()
    feed = each_in_turn(map(dict, job.feeds))
    return lambda: request.infer(feed(), share_inputs=True, share_outputs=True)


def ncnn(job: Job) -> Call:
    """Converted by pnnx; its graphs have no batch dimension."""
    import ncnn as library

    if len(job.feeds[0]) != 1 or job.arrays[0].shape[0] != 1:
        raise ValueError("its graphs have no batch dimension, and this one has several inputs or a batch")
    data = job.arrays[0]
    feed = each_in_turn(job.arrays)
    stem = job.work / "model"
    if not Path(f"{stem}.ncnn.bin").exists():
        # pnnx writes beside the file that it reads.
        shutil.copyfile(job.onnx, f"{stem}.onnx")
        kind = "i64" if data.dtype == np.int64 else "f32"
        shape = f"inputshape=[{','.join(map(str, data.shape))}]{kind}"
        _convert([Path(sys.executable).with_name("pnnx"), f"{stem}.onnx", shape, "fp16=0"], job.work)
    net = library.Net()
    for option in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
        setattr(net.opt, option, False)
    net.opt.num_threads = job.threads
    net.load_param(f"{stem}.ncnn.param")
    net.load_model(f"{stem}.ncnn.bin")

    def call() -> Any:
        with net.create_extractor() as extractor:
            extractor.input("in0", library.Mat(feed()[0]))
            return np.array(extractor.extract("out0")[1])

    return call


def mnn(job: Job) -> Call:
    """A session of the interpreter, precision high."""
    import MNN

    converted = job.work / "model.mnn"
    if not converted.exists():
        tool = Path(sys.executable).with_name("mnnconvert")
        named = ["--modelFile", job.onnx, "--MNNModel", converted]
        _convert([tool, "-f", "ONNX", *named, "--bizCode", "x"], job.work)
    interpreter = MNN.Interpreter(str(converted))
    session = interpreter.createSession({"numThread": job.threads, "precision": "high", "backend": "CPU"})
    tensors = interpreter.getSessionInputAll(session)
    kinds = {"float32": MNN.Halide_Type_Float, "int64": MNN.Halide_Type_Int, "int32": MNN.Halide_Type_Int}

    def source(name: str, array: np.ndarray) -> tuple[Any, Any]:
        plain = array.astype(np.int32) if array.dtype == np.int64 else array
        return tensors[name], MNN.Tensor(
            plain.shape, kinds[array.dtype.name], plain, MNN.Tensor_DimensionType_Caffe
        )

    feed = each_in_turn([[source(*item) for item in feed.items()] for feed in job.feeds])
    output = interpreter.getSessionOutput(session)
    shape = output.getShape()
    host = MNN.Tensor(
        shape, MNN.Halide_Type_Float, np.zeros(shape, np.float32), MNN.Tensor_DimensionType_Caffe
    )

    def call() -> Any:
        for tensor, data in feed():
            tensor.copyFrom(data)
        interpreter.runSession(session)
        output.copyToHostTensor(host)
        return host.getNumpyData()

    return call


def litert(job: Job) -> Call:
    """Converted by way of PyTorch, run by the interpreter with XNNPACK."""
    from ai_edge_litert.interpreter import Interpreter

    converted = job.work / "model.tflite"
    if not converted.exists():
        _convert([sys.executable, "-I", _LITERT, job.onnx, converted], job.work)
    interpreter = Interpreter(str(converted), num_threads=job.threads)
    signature = interpreter.get_signature_runner()
    given, answered = signature.get_input_details(), signature.get_output_details()
    details = [given[f"args_{number}"] for number in range(len(given))]
    kinds = [(int(item["index"]), item["dtype"]) for item in details]
    feed = each_in_turn(
        [
            [(place, array.astype(kind)) for (place, kind), array in zip(kinds, feed.values(), strict=True)]
            for feed in job.feeds
        ]
    )
    places = [int(answered[f"output_{number}"]["index"]) for number in range(len(answered))]
    del signature, given, answered, details  # the interpreter does not run while these refer to it
    interpreter.allocate_tensors()

    def call() -> Any:
        for place, array in feed():
            interpreter.set_tensor(place, array)
        interpreter.invoke()
        return [interpreter.get_tensor(place) for place in places]

    return call


def torch_compile(job: Job) -> Call:
    """Converted by onnx2torch, compiled by Inductor."""
    # Code that was generated for one number of threads is not found for another.
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(job.work / f"{job.threads}")
    import torch

    torch.set_num_threads(job.threads)
    feeds = [[torch.from_numpy(array) for array in feed.values()] for feed in job.feeds]
    converter = run_path(str(_LITERT))
    module = converter["module_of"](onnx.load(job.onnx))
    # As it stands, Inductor does not take a transformer either.
    converter["fix_shapes"](module, feeds[0])
    compiled, feed = torch.compile(module), each_in_turn(feeds)

    def call() -> Any:
        with torch.inference_mode():
            return compiled(*feed())

    return call


def _convert(command: Sequence[Path | str], folder: Path) -> None:
    """Run a converter; its last line says why it failed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise RuntimeError(f"{Path(command[0]).name} ended with {done.returncode}: {last[0]}")
