"""The user's hosting functions around a compiled model, and what stands in for those that the module does not define.

Two conventions, chosen by what the module defines: Neo's, `neo_preprocess(payload, content_type)` and
`neo_postprocess(result)`, and the inference toolkit's, which `toolkit` has.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ironworks.serving import codecs, toolkit
from ironworks.serving.calls import Hook, answer, call, call_on_input
from ironworks.serving.context import Context
from ironworks.serving.errors import InvocationError
from ironworks.serving.invocation import JSON, Answer, Handler, Invocation
from ironworks.serving.steps import Model, Steps, run

_NEO = ("neo_preprocess", "neo_postprocess")

_log = logging.getLogger(__name__)


def make_handler(module: ModuleType | None, directory: Path, load: Callable[[Path], Model]) -> Handler:
    """The function that answers invocations.

    Args:
        module: the user's module, if there is one.
        directory: the unpacked model archive, which `model_fn` is given.
        load: loads the compiled model from `directory`; not called when `model_fn` gives the model.

    Raises:
        StartupError: the module mixes conventions, or `model_fn` failed.
    """
    neo = neo_hooks(module)
    if neo:
        return _neo(neo, load(directory))
    context = Context(directory)
    hooks = toolkit.defined(module, context)
    if not hooks:
        if module is not None:
            _log.info(
                "%s defines no hosting function: payloads are decoded by content type.", module.__name__
            )
        return _built_in(load(directory))
    model = toolkit.load_model(hooks, directory, load)
    return toolkit.make_handler(hooks, model, _defaults(model), context)


def neo_hooks(module: ModuleType | None) -> dict[str, Hook]:
    """Those of Neo's hooks that a module defines."""
    return {name: hook for name in _NEO if callable(hook := getattr(module, name, None))}


def _defaults(model: Any) -> toolkit.Defaults:
    """For a compiled model, or another one that has its method `run`."""
    if not callable(getattr(model, "run", None)):
        return toolkit.PLAIN
    names = [tensor.name for tensor in getattr(model, "inputs", ())]
    return toolkit.Defaults(
        read=functools.partial(toolkit.read_arrays, names=names),
        predict=lambda data, model: _single(run(model, _given("input_fn", data))),
        write=toolkit.write_arrays,
    )


def _built_in(model: Model) -> Handler:
    return Steps(model, _decoder(model), _encoder(model))


def _neo(hooks: dict[str, Hook], model: Model) -> Handler:
    preprocess, postprocess = (hooks.get(name) for name in _NEO)
    return Steps(
        model,
        _preprocessor(preprocess) if preprocess else _decoder(model),
        _postprocessor(postprocess) if postprocess else _encoder(model),
    )


def _preprocessor(hook: Hook) -> Callable[[Invocation], codecs.Inputs]:
    return lambda invocation: _given(
        "neo_preprocess", call_on_input(hook, invocation.body, invocation.content_type)
    )


def _postprocessor(hook: Hook) -> Callable[[list[codecs.Array], Invocation], Answer]:
    return lambda outputs, _: answer("neo_postprocess", call(hook, _single(outputs)), JSON)


def _decoder(model: Model) -> Callable[[Invocation], codecs.Inputs]:
    names = [tensor.name for tensor in model.inputs]
    return lambda invocation: codecs.decode(invocation.body, invocation.content_type, names)


def _encoder(model: Model) -> Callable[[list[codecs.Array], Invocation], Answer]:
    return lambda outputs, invocation: Answer(*codecs.encode(_by_name(model, outputs), invocation.accept))


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


def _single(outputs: Sequence[Any]) -> Any:
    return outputs[0] if len(outputs) == 1 else outputs


def _by_name(model: Model, outputs: Sequence[codecs.Array]) -> Any:
    if len(outputs) == 1:
        return outputs[0]
    return {tensor.name: output for tensor, output in zip(model.outputs, outputs, strict=True)}
