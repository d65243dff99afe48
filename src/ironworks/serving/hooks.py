"""The user's hosting functions around the model, and what stands in for those that the module does not define.

Three conventions, chosen by what the module defines:

* Neo: `neo_preprocess(payload, content_type)`, `neo_postprocess(result)`;
* inference toolkit, whole: `model_fn(model_dir)`, `transform_fn(model, data, content_type, accept)`;
* inference toolkit, in parts: `model_fn`, `input_fn(data, content_type)`, `predict_fn(data, model)`,
  `output_fn(prediction, accept)`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter_ns
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from ironworks.serving import codecs
from ironworks.serving.errors import InvocationError, StartupError
from ironworks.serving.invocation import JSON, Answer, Handler, Invocation, model_time

_NEO = ("neo_preprocess", "neo_postprocess")
_PARTS = ("input_fn", "predict_fn", "output_fn")
_TEXT = (JSON, codecs.CSV)
_NEVER_THE_INPUT = (ImportError, NameError, AttributeError, SyntaxError, MemoryError, SystemError)
"""What a hook raises because of its own code, whatever it was given."""

_log = logging.getLogger(__name__)


class Tensor(Protocol):
    """What is said of an input or output."""

    @property
    def name(self) -> str: ...


class Model(Protocol):
    """A compiled model, as `ironworks.runtime.load` gives it."""

    @property
    def inputs(self) -> Sequence[Tensor]: ...

    @property
    def outputs(self) -> Sequence[Tensor]: ...

    def run(self, inputs: codecs.Inputs, /) -> list[codecs.Array]: ...


def make_handler(module: ModuleType | None, directory: Path, load: Callable[[Path], Model]) -> Handler:
    """The function that answers invocations.

    Args:
        module: the user's module, if there is one.
        directory: the unpacked model archive, which `model_fn` is given.
        load: loads the compiled model from `directory`; not called when `model_fn` gives the model.

    Raises:
        StartupError: the module mixes conventions, or `model_fn` failed.
    """
    hooks = _defined(module)
    if not hooks:
        if module is not None:
            _log.info(
                "%s defines no hosting function: payloads are decoded by content type.", module.__name__
            )
        return _built_in(load(directory))
    if any(name in hooks for name in _NEO):
        return _neo(hooks, load(directory))
    model = _model(hooks, directory, load)
    if "transform_fn" in hooks:
        return _transform(hooks["transform_fn"], model)
    return _in_parts(hooks, model)


def _defined(module: ModuleType | None) -> dict[str, Callable[..., Any]]:
    names = (*_NEO, "model_fn", "transform_fn", *_PARTS)
    hooks = {name: hook for name in names if callable(hook := getattr(module, name, None))}
    parts = [name for name in _PARTS if name in hooks]
    if "transform_fn" in hooks and parts:
        raise StartupError(
            f"The module defines transform_fn and {', '.join(parts)}. transform_fn does the work of input_fn, "
            "predict_fn and output_fn: define it, or define them."
        )
    return hooks


def _model(hooks: dict[str, Callable[..., Any]], directory: Path, load: Callable[[Path], Model]) -> Any:
    if "model_fn" not in hooks:
        return load(directory)
    try:
        model = hooks["model_fn"](str(directory))
    except (Exception, SystemExit) as error:
        _log.exception("model_fn failed.")
        raise StartupError(f"model_fn failed: {type(error).__name__}: {error}") from error
    if not ({"predict_fn", "transform_fn"} & hooks.keys()) and not callable(getattr(model, "run", None)):
        raise StartupError(
            f"model_fn gives a {type(model).__name__}, which has no method run, and the module defines no predict_fn: "
            "define predict_fn(data, model), or leave model_fn out to serve the compiled model."
        )
    return model


def _built_in(model: Model) -> Handler:
    names = [tensor.name for tensor in model.inputs]

    def handle(invocation: Invocation) -> Answer:
        outputs = _run(model, codecs.decode(invocation.body, invocation.content_type, names))
        return Answer(*codecs.encode(_by_name(model, outputs), invocation.accept))

    return handle


def _neo(hooks: dict[str, Callable[..., Any]], model: Model) -> Handler:
    preprocess, postprocess = (hooks.get(name) for name in _NEO)
    names = [tensor.name for tensor in model.inputs]

    def handle(invocation: Invocation) -> Answer:
        if preprocess is None:
            inputs = codecs.decode(invocation.body, invocation.content_type, names)
        else:
            inputs = _call_on_input(preprocess, invocation.body, invocation.content_type)
        outputs = _run(model, _given("neo_preprocess", inputs))
        if postprocess is None:
            return Answer(*codecs.encode(_by_name(model, outputs), invocation.accept))
        return _answer("neo_postprocess", _call(postprocess, _single(outputs)), JSON)

    return handle


def _transform(transform_fn: Callable[..., Any], model: Any) -> Handler:
    def handle(invocation: Invocation) -> Answer:
        accept = _accept(invocation)
        result = _call(transform_fn, model, _payload(invocation), invocation.content_type, accept)
        return _answer("transform_fn", result, accept)

    return handle


def _in_parts(hooks: dict[str, Callable[..., Any]], model: Any) -> Handler:
    input_fn, predict_fn, output_fn = (hooks.get(name) for name in _PARTS)
    names = [tensor.name for tensor in getattr(model, "inputs", ())]

    def handle(invocation: Invocation) -> Answer:
        accept = _accept(invocation)
        if input_fn is None:
            data = _writable(codecs.decode(invocation.body, invocation.content_type, names))
        else:
            data = _call_on_input(input_fn, _payload(invocation), invocation.content_type)
        if predict_fn is None:
            prediction = _single(_run(model, _given("input_fn", data)))
        else:
            prediction = _call(predict_fn, data, model)
        if output_fn is None:
            return Answer(*codecs.encode(prediction, accept))
        return _answer("output_fn", _call(output_fn, prediction, accept), accept)

    return handle


def _writable(inputs: codecs.Inputs) -> codecs.Inputs:
    """A copy of what still lies in the payload, because a `predict_fn` may write `data /= 255`."""
    if isinstance(inputs, dict):
        return inputs  # made of JSON
    return inputs if inputs.flags.writeable else inputs.copy()


def _payload(invocation: Invocation) -> str | bytes:
    """The toolkit gives text formats to its hooks as `str`."""
    if codecs.media_type(invocation.content_type) not in _TEXT:
        return invocation.body
    try:
        return invocation.body.decode()
    except UnicodeDecodeError as error:
        raise InvocationError(400, f"The payload is not UTF-8 text: {error}.") from None


def _accept(invocation: Invocation) -> str:
    """The toolkit gives `*/*` to its hooks as its default."""
    return JSON if invocation.accept == "*/*" else invocation.accept


def _call_on_input(hook: Callable[..., Any], *arguments: Any) -> Any:
    """A hook that reads the payload: what it raises is the request's fault, unless that can only be its own."""
    try:
        return hook(*arguments)
    except _NEVER_THE_INPUT as error:
        raise _failure(hook, error) from error
    except Exception as error:
        text = str(error) if not isinstance(error, LookupError) else f"{type(error).__name__}: {error}"
        raise InvocationError(400, f"{hook.__name__}: {text or type(error).__name__}") from error


def _call(hook: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return hook(*arguments)
    except Exception as error:
        raise _failure(hook, error) from error


def _failure(hook: Callable[..., Any], error: Exception) -> InvocationError:
    return InvocationError(
        500, f"{hook.__name__}: {type(error).__name__}: {error} The endpoint's log has the traceback."
    )


def _given(hook: str, inputs: Any) -> codecs.Inputs:
    """What a hook gave for the model: arrays as they are, lists of numbers as arrays."""
    if isinstance(inputs, dict | np.ndarray):
        return inputs
    try:
        array = np.asarray(inputs)
    except ValueError as error:
        raise InvocationError(500, f"{hook} gave a list whose rows differ in length.") from error
    if array.dtype.kind not in "biuf":
        raise InvocationError(
            500,
            f"{hook} gave a {type(inputs).__name__}: it must give an array, or a dict of arrays by input name.",
        )
    return array


def _run(model: Model, inputs: codecs.Inputs) -> list[codecs.Array]:
    began = perf_counter_ns()
    try:
        return model.run(inputs)
    except ValueError as error:
        raise InvocationError(400, f"The model cannot take this input: {error}") from None
    finally:
        model_time.nanoseconds += perf_counter_ns() - began


def _single(outputs: Sequence[Any]) -> Any:
    return outputs[0] if len(outputs) == 1 else outputs


def _by_name(model: Model, outputs: Sequence[codecs.Array]) -> Any:
    if len(outputs) == 1:
        return outputs[0]
    return {tensor.name: output for tensor, output in zip(model.outputs, outputs, strict=True)}


def _answer(hook: str, result: Any, content_type: str) -> Answer:
    """A hook's result as an answer: a body of type `content_type`, or the pair of a body and its content type."""
    body = result
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], str):
        body, content_type = result
    try:
        if isinstance(body, str):
            return Answer(body.encode(), content_type)
        if isinstance(body, bytes | bytearray | memoryview):
            return Answer(bytes(body), content_type)
        if body is None:
            raise TypeError("it gave None.")
        return Answer(*codecs.encode(body, content_type))
    except (TypeError, ValueError) as error:
        raise InvocationError(
            500, f"{hook} must give a body, or a body and its content type: {error}"
        ) from error
