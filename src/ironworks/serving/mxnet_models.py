"""MXNet's own models: what an archive without `model_fn` is loaded as, and how Modules and Gluon blocks are asked.

The contract is that of `sagemaker-mxnet-inference`. MXNet is imported where a model needs it: this room runs without.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from ironworks.serving import codecs, toolkit
from ironworks.serving.errors import InvocationError, StartupError
from ironworks.serving.invocation import Answer, Invocation, model_time

FILES = ("model-symbol.json", "model-0000.params", "model-shapes.json")
"""What an archive must hold that has no `model_fn`, as MXNet's training containers save it."""

BATCH_SIZE = "SAGEMAKER_DEFAULT_MODEL_FIRST_DIMENSION_SIZE"
"""The variable for how many rows a Module is bound for; the toolkit's default is 1."""

Shapes = Mapping[str, tuple[int, ...]]
"""Those of a Module's inputs, in its order, as it was bound."""

_log = logging.getLogger(__name__)


def load_module(directory: Path) -> Any:
    """The `mxnet.mod.Module` of an archive, bound for inference, without labels.

    Raises:
        StartupError: one of `FILES` is missing or damaged, or there is no MXNet here.
    """
    missing = [name for name in FILES if not (directory / name).is_file()]
    if missing:
        raise StartupError(_not_a_module(directory, missing))
    try:
        import mxnet
    except ImportError as error:
        raise StartupError(
            "The model archive holds an MXNet Module, and this container's environment has no MXNet "
            f"({error}). Use an MXNet image, or define model_fn(model_dir)."
        ) from error
    try:
        shapes = _shapes(json.loads((directory / FILES[2]).read_text()))
        symbol, arguments, auxiliary = mxnet.model.load_checkpoint(str(directory / "model"), 0)
        names = [name for name, _ in shapes]
        module = mxnet.mod.Module(symbol, data_names=names, label_names=None, context=mxnet.cpu())
        module.bind(data_shapes=shapes, for_training=False)
        module.set_params(arguments, auxiliary, allow_missing=True)  # labels are missing
    except (ValueError, LookupError, TypeError, OSError, mxnet.base.MXNetError) as error:
        _log.exception("Loading the MXNet Module failed.")
        raise StartupError(f"The MXNet Module cannot be loaded: {_said(error)}") from error
    return module


def defaults_for(model: Any) -> toolkit.Defaults:
    """How a model is asked: a Module and a block as MXNet does, any other by the user's functions alone."""
    if "mxnet" not in sys.modules:
        return toolkit.PLAIN
    import mxnet

    if isinstance(model, mxnet.mod.BaseModule):
        bound = {shape.name: tuple(shape.shape) for shape in model.data_shapes}
        model.get_params()  # it keeps them, for when it is bound anew
        return toolkit.Defaults(
            read=functools.partial(_read_for_module, bound),
            predict=functools.partial(_ask_module, bound),
            write=functools.partial(_write, list(model.output_names)),
        )
    if isinstance(model, mxnet.gluon.Block):
        return toolkit.Defaults(read=_read_for_block, predict=_ask_block, write=functools.partial(_write, []))
    return toolkit.PLAIN


def _shapes(document: list[dict[str, Any]]) -> list[tuple[str, tuple[int, ...]]]:
    """Names and shapes of the inputs, with the batch size that is wanted in place of that of the training."""
    rows = int(os.environ.get(BATCH_SIZE) or 1)
    return [(entry["name"], (rows, *entry["shape"][1:])) for entry in document]


def _read_for_module(bound: Shapes, invocation: Invocation) -> Any:
    """The `mxnet.io.NDArrayIter` over the rows of the payload."""
    import mxnet

    decoded = codecs.decode(invocation.body, invocation.content_type, list(bound))
    if not isinstance(decoded, dict):
        decoded = dict.fromkeys(list(bound)[:1], decoded)
    if decoded.keys() != bound.keys():
        raise InvocationError(
            400, f"The model's inputs are {', '.join(bound)}; the payload has {', '.join(decoded)}."
        )
    arrays = [mxnet.nd.array(_as_rows(decoded[name], shape)) for name, shape in bound.items()]
    (rows, *_) = next(iter(bound.values()))
    try:
        return mxnet.io.NDArrayIter(arrays, batch_size=rows, last_batch_handle="pad")
    except (ValueError, AssertionError, mxnet.base.MXNetError) as error:
        raise InvocationError(400, f"The model cannot take this input: {_said(error)}") from None


def _as_rows(array: codecs.Array, shape: Sequence[int]) -> codecs.Array:
    """`array` in rows of the model's form where its numbers make whole ones; else as it is, for MXNet to judge."""
    size = math.prod(shape[1:])
    whole = array.size == size or (array.ndim > 1 and array.size == len(array) * size)
    return array.reshape(-1, *shape[1:]) if whole else array


@contextlib.contextmanager
def _timed() -> Iterator[None]:
    """What is done here is the model's time."""
    began = perf_counter_ns()
    try:
        yield
    finally:
        model_time.nanoseconds += perf_counter_ns() - began


def _ask_module(bound: Shapes, rows: Any, module: Any) -> Any:
    import mxnet

    try:
        with _timed():
            prediction = module.predict(rows)
            _wait_for(prediction)
    except (ValueError, RuntimeError, mxnet.base.MXNetError) as error:
        # It may have bound itself to the wrong shape halfway, and would not try again.
        module.bind(data_shapes=list(bound.items()), for_training=False, force_rebind=True)
        taken = ", ".join(f"{name} in rows of shape {shape[1:]}" for name, shape in bound.items())
        given = ", ".join(str(array.shape) for _, array in rows.data)
        raise InvocationError(
            400, f"The model takes {taken}, and cannot take an array of shape {given}: {_said(error)}"
        ) from None
    return prediction


def _read_for_block(invocation: Invocation) -> Any:
    """The payload as one `mxnet.nd.NDArray` of float32."""
    import mxnet

    decoded = codecs.decode(invocation.body, invocation.content_type)
    if isinstance(decoded, dict):
        raise InvocationError(400, "A Gluon model takes one array; define input_fn for payloads with names.")
    return mxnet.nd.array(decoded)


def _ask_block(data: Any, block: Any) -> Any:
    import mxnet

    try:
        with _timed():
            prediction = block(data)
            _wait_for(prediction)
    except (ValueError, mxnet.base.MXNetError) as error:
        raise InvocationError(400, f"The model cannot take this input: {_said(error)}") from None
    return prediction


def _wait_for(prediction: Any) -> None:
    """MXNet computes in the background, and raises what went wrong when the result is asked for."""
    for output in prediction if isinstance(prediction, list | tuple) else [prediction]:
        output.wait_to_read()


def _write(names: Sequence[str], prediction: Any, accept: str) -> Answer:
    """NDArrays in the format that is accepted, several by their names."""
    return toolkit.write_arrays(_plain(names, prediction), accept)


def _plain(names: Sequence[str], prediction: Any) -> Any:
    if hasattr(prediction, "asnumpy"):
        return prediction.asnumpy()
    if not isinstance(prediction, list | tuple):
        return prediction
    arrays = [_plain((), item) for item in prediction]
    return dict(zip(names, arrays, strict=True)) if len(names) == len(arrays) > 1 else arrays


def _said(error: Exception) -> str:
    """MXNet's errors carry a stack of C++ in front; the last line that says something is the reason."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    named = [line for line in lines if line.startswith(("MXNetError:", "Error in operator"))]
    return (named or lines or [type(error).__name__])[-1].removeprefix("MXNetError: ")


def _not_a_module(directory: Path, missing: Sequence[str]) -> str:
    found = sorted(str(file.relative_to(directory)) for file in directory.rglob("*") if file.is_file())
    shown = ", ".join(found[:20]) + (f" and {len(found) - 20} more" if len(found) > 20 else "")
    return (
        f"The model archive is not a compiled one (it has no manifest.json) and no MXNet Module (it lacks "
        f"{', '.join(missing)}); it holds: {shown or 'nothing'}. Define model_fn(model_dir) in the entry point, "
        "or compile the model and deploy what that gives."
    )
