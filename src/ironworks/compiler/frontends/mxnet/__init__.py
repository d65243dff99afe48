"""Reads MXNet models: a symbol (`NAME-symbol.json`) and its parameters (`NAME-NNNN.params`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ironworks.compiler.frontends import ImportedModel, match_inputs
from ironworks.compiler.frontends.mxnet.checkpoint import find_checkpoint
from ironworks.compiler.frontends.mxnet.node import Node, UnsupportedVariant, widened
from ironworks.compiler.frontends.mxnet.operators import OPERATORS, Operator
from ironworks.compiler.frontends.mxnet.params import read_params
from ironworks.compiler.frontends.mxnet.survey import refuse, survey
from ironworks.compiler.frontends.mxnet.symbol import Output as SymbolOutput
from ironworks.compiler.frontends.mxnet.symbol import Symbol, SymbolNode, read_symbol
from ironworks.compiler.frontends.sizes import refuse_too_large
from ironworks.compiler.frontends.unsupported import Unsupported
from ironworks.compiler.graph import GraphBuilder, ShapeConflict
from ironworks.errors import ClientError

_TYPES = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64")
"""MXNet's dtypes, each at its number."""


def read(folder: Path, input_shapes: Mapping[str, Sequence[int]], name: str) -> ImportedModel:
    """Read the newest checkpoint in `folder` as ONNX.

    Raises:
        ClientError: there is no checkpoint, a file is damaged, an operator is not supported, a parameter is
            missing, or names or shapes of the inputs do not fit.
    """
    checkpoint = find_checkpoint(folder, name)
    symbol = read_symbol(checkpoint.symbol, {key: entry.inputs for key, entry in OPERATORS.items()})
    refuse(survey(symbol))
    refuse_too_large(checkpoint.params.stat().st_size, checkpoint.params.name)
    parameters = read_params(checkpoint.params)
    weights = sum(array.size * widened(array.dtype).itemsize for array in parameters.values())
    refuse_too_large(weights, checkpoint.params.name)
    inputs = _inputs(symbol, parameters, checkpoint.params.name)
    match_inputs(input_shapes, [node.name for node in inputs])
    graph = _build(symbol, inputs, input_shapes, parameters)
    findings = []
    if any(array.dtype == np.float16 for array in parameters.values()):
        findings.append(
            "Parameters stored in half precision were widened to float32, which a CPU computes faster; inputs and "
            "outputs are float32 as well."
        )
    operators = Counter(node.operator for node in symbol.nodes if node.operator != "null")
    return ImportedModel(graph, dict(operators), findings)


def _inputs(symbol: Symbol, parameters: Mapping[str, Any], file: str) -> list[SymbolNode]:
    """The variables that are inputs, after making sure that the others are among `parameters`."""
    trained: set[int] = set()
    for node in symbol.nodes:
        if node.operator != "null" and OPERATORS[node.operator].trained:
            trained.update(source for source, _ in node.inputs[1:])
    free = [node for node in symbol.nodes if node.operator == "null" and node.name not in parameters]
    missing = [node.name for node in free if node.index in trained]
    if missing:
        raise ClientError(
            f"{file} lacks parameters that the symbol needs: {', '.join(missing)}. Save symbol and parameters of "
            "the same model (Module.save_checkpoint or HybridBlock.export)."
        )
    return free


def _build(
    symbol: Symbol,
    inputs: Sequence[SymbolNode],
    shapes: Mapping[str, Sequence[int]],
    parameters: Mapping[str, NDArray[Any]],
) -> Any:
    builder = GraphBuilder()
    doubles = any(array.dtype == np.float64 for array in parameters.values())
    tensors: dict[SymbolOutput, str] = {}
    for node in inputs:
        dtype = _declared_dtype(node) or np.dtype("float64" if doubles else "float32")
        tensors[node.index, 0] = builder.input(node.name, shapes[node.name], widened(dtype))
    for node in symbol.nodes:
        if node.operator == "null" and (node.index, 0) not in tensors:
            array = parameters[node.name]
            tensors[node.index, 0] = builder.constant(
                node.name, array.astype(widened(array.dtype), copy=False)
            )
    _translate_all(symbol, tensors, builder)
    return builder.model(_outputs(symbol, tensors))


def _translate_all(symbol: Symbol, tensors: dict[SymbolOutput, str], builder: GraphBuilder) -> None:
    """Translate every operator; what depends on a refused one is left out, the others are looked at."""
    refused, without = Unsupported(), set[int]()
    for node in symbol.nodes:
        if node.operator == "null":
            continue
        if any(source in without for source, _ in node.inputs):
            without.add(node.index)
            continue
        try:
            outputs = _translate(node, tensors, builder)
        except UnsupportedVariant as reason:
            refused.add(f"{node.operator}: {reason}", node.name)
            without.add(node.index)
            continue
        except ClientError:
            refuse(refused)
            raise
        tensors.update({(node.index, output): tensor for output, tensor in enumerate(outputs)})
    refuse(refused)


def _declared_dtype(node: SymbolNode) -> np.dtype[Any] | None:
    """What `__dtype__` says, which is MXNet's number or numpy's name; None where it says nothing."""
    code = node.attributes.get("__dtype__", "-1")
    if code == "-1":
        return None
    name = dict(zip("0123456", _TYPES, strict=True)).get(code, code)
    if name not in _TYPES:
        raise ClientError(
            f"The input {node.name} has the dtype {code}; {', '.join(_TYPES)} can be compiled. Change it in the "
            "network."
        )
    return np.dtype(name)


def _translate(node: SymbolNode, tensors: Mapping[SymbolOutput, str], builder: GraphBuilder) -> list[str]:
    entry: Operator = OPERATORS[node.operator]
    try:
        sources = [tensors[source] for source in node.inputs[: entry.inputs]]
        return entry.translate(Node(node.name, node.operator, node.attributes, sources, builder))
    except ShapeConflict as error:
        given = ", ".join(f"{tensor} {list(builder.shape(tensor))}" for tensor in sources)
        raise ClientError(
            f"Node {node.name} ({node.operator}) cannot take its inputs {given}: {error}. Compare the shapes in "
            "DataInputConfig with those that the model was trained with."
        ) from error
    except (LookupError, ValueError, TypeError, SyntaxError, ArithmeticError, MemoryError) as error:
        raise ClientError(
            f"Node {node.name} ({node.operator}) of the symbol is not as MXNet writes it: {error!r}, attributes "
            f"{dict(node.attributes)}, {len(node.inputs)} inputs. Save the model again."
        ) from error


def _outputs(symbol: Symbol, tensors: Mapping[SymbolOutput, str]) -> dict[str, str]:
    """The tensor of each head by the name that MXNet's `list_outputs` gives it."""
    counts = Counter(index for index, _ in tensors)
    outputs = {}
    for head in symbol.heads:
        node = symbol.by_index[head[0]]
        if node.operator == "null":
            name = node.name
        else:
            name = f"{node.name}_output{head[1] if counts[node.index] > 1 else ''}"
        if head not in tensors:
            raise ClientError(
                f"The symbol's output {head[1]} of the node {node.name} ({node.operator}) does not exist. Save the "
                "model again."
            )
        outputs[name] = tensors[head]
    return outputs
