"""Converts an ONNX file for LiteRT. This file is run as a script by the converter's own interpreter:

    python -I litert_worker.py MODEL.onnx MODEL.tflite

The way leads through PyTorch: onnx2torch, torch.export, litert-torch. When the file is written, the exit code is 0
and the last line on standard output is the version of litert-torch; otherwise the last line on standard error
says why not. Input n is `args_n` of the file's only signature, output n is `output_n`.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from types import ModuleType
from typing import Any

import onnx
import torch
from torch.fx.passes.shape_prop import ShapeProp

_OPSET = 17
"""The newest that onnx2torch reads."""


def module_of(model: onnx.ModelProto) -> Any:
    """The model as a module of PyTorch."""
    # onnx2torch needs it for detection operators only, and its builds do not load beside every build of torch.
    stand_in, operators = ModuleType("torchvision"), ModuleType("torchvision.ops")
    operators.roi_align = None  # type: ignore[attr-defined]
    sys.modules |= {"torchvision": stand_in, "torchvision.ops": operators}
    try:
        from onnx2torch import convert

        return convert(model).eval()
    finally:
        del sys.modules["torchvision"], sys.modules["torchvision.ops"]


def zeros_for(model: onnx.ModelProto) -> tuple[Any, ...]:
    """Inputs of the model's shapes and dtypes."""
    constants = {item.name for item in model.graph.initializer}
    tensors = []
    for item in model.graph.input:
        if item.name not in constants:
            kind = onnx.helper.tensor_dtype_to_np_dtype(item.type.tensor_type.elem_type).name
            shape = [size.dim_value for size in item.type.tensor_type.shape.dim]
            tensors.append(torch.zeros(shape, dtype=getattr(torch, kind)))
    return tuple(tensors)


def fix_shapes(module: Any, inputs: tuple[Any, ...]) -> None:
    """Write into each Reshape the shape that it gives: the export takes none that is read from a tensor."""
    with torch.inference_mode():
        ShapeProp(module).propagate(*inputs)
    modules = dict(module.named_modules())
    for node in list(module.graph.nodes):
        if node.op == "call_module" and type(modules[node.target]).__name__ == "OnnxReshape":
            shape = list(node.meta["tensor_meta"].shape)
            with module.graph.inserting_before(node):
                fixed = module.graph.call_function(torch.reshape, (node.args[0], shape))
            node.replace_all_uses_with(fixed)
            module.graph.erase_node(node)
    module.recompile()


def main() -> None:
    """Convert."""
    source, destination = sys.argv[1:]
    try:
        model = onnx.load(source)
        if max(item.version for item in model.opset_import if not item.domain) > _OPSET:
            model = onnx.version_converter.convert_version(model, _OPSET)
        module, inputs = module_of(model), zeros_for(model)
        fix_shapes(module, inputs)
        import litert_torch

        litert_torch.convert(module, inputs).export(destination)
    except Exception as error:  # each of them has its own
        print(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}", file=sys.stderr)  # noqa: T201
        sys.exit(1)
    print(version("litert-torch"))  # noqa: T201


if __name__ == "__main__":
    main()
