"""The contract of SageMaker's inference toolkit (`sagemaker-inference`): the user's functions, and their stand-ins.

`model_fn(model_dir)` gives the model, `pre_model_fn(model_dir)` and `model_warmup_fn(model_dir, model)` run before and
after it. A request goes through `transform_fn(model, data, content_type, accept)`, or through
`input_fn(data, content_type)`, `predict_fn(data, model)` and `output_fn(prediction, accept)`, of which any may be
missing. Each may take one more argument, the `context`.
"""

from __future__ import annotations

import functools
import inspect
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from ironworks.serving import codecs
from ironworks.serving.calls import Hook, answer, call, call_on_input
from ironworks.serving.context import Context
from ironworks.serving.errors import InvocationError, StartupError
from ironworks.serving.invocation import ANY, JSON, Answer, Handler, Invocation

Hooks = Mapping[str, Hook]

_PARTS = ("input_fn", "predict_fn", "output_fn")
_ARGUMENTS = {
    "pre_model_fn": ("model_dir",),
    "model_fn": ("model_dir",),
    "model_warmup_fn": ("model_dir", "model"),
    "transform_fn": ("model", "data", "content_type", "accept"),
    "input_fn": ("data", "content_type"),
    "predict_fn": ("data", "model"),
    "output_fn": ("prediction", "accept"),
}
_TEXT = (JSON, codecs.CSV)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Defaults:
    """What is done where the user's module has no function for it.

    Attributes:
        read: for `input_fn`; it is given the invocation.
        predict: for `predict_fn`; None if only the user knows how to ask the model.
        write: for `output_fn`.
    """

    read: Callable[[Invocation], Any]
    predict: Callable[[Any, Any], Any] | None
    write: Callable[[Any, str], Answer]


def read_arrays(invocation: Invocation, names: Sequence[str] = ()) -> codecs.Inputs:
    """A copy of what would still lie in the payload, because a `predict_fn` may write `data /= 255`."""
    inputs = codecs.decode(invocation.body, invocation.content_type, names)
    return inputs if isinstance(inputs, dict) or inputs.flags.writeable else inputs.copy()


def write_arrays(prediction: Any, accept: str) -> Answer:
    """In the format that is accepted."""
    return Answer(*codecs.encode(prediction, accept))


PLAIN = Defaults(read_arrays, None, write_arrays)
"""Arrays in and out."""


def defined(module: ModuleType | None, context: Context) -> dict[str, Hook]:
    """The functions of the contract that the module has, each to be called without the context.

    Raises:
        StartupError: it has `transform_fn` and a part of it, or a function that takes other arguments.
    """
    hooks = {name: hook for name in _ARGUMENTS if callable(hook := getattr(module, name, None))}
    parts = [name for name in _PARTS if name in hooks]
    if "transform_fn" in hooks and parts:
        raise StartupError(
            f"The module defines transform_fn and {', '.join(parts)}. transform_fn does the work of input_fn, "
            "predict_fn and output_fn: define it, or define them."
        )
    return {name: _without_context(name, hook, context) for name, hook in hooks.items()}


def load_model(hooks: Hooks, directory: Path, load: Callable[[Path], Any]) -> Any:
    """The model: what `model_fn` gives, else what `load` does.

    Raises:
        StartupError: a function failed.
    """
    if "pre_model_fn" in hooks:
        _at_start(hooks["pre_model_fn"], str(directory))
    model = _at_start(hooks["model_fn"], str(directory)) if "model_fn" in hooks else load(directory)
    if "model_warmup_fn" in hooks:
        _at_start(hooks["model_warmup_fn"], str(directory), model)
    return model


def make_handler(hooks: Hooks, model: Any, defaults: Defaults, context: Context) -> Handler:
    """The function that answers invocations.

    Raises:
        StartupError: there is no way to ask the model.
    """
    if "transform_fn" in hooks:
        respond = _whole(hooks["transform_fn"], model)
    elif "predict_fn" in hooks or defaults.predict is not None:
        respond = _in_parts(hooks, model, defaults)
    else:
        raise StartupError(
            f"model_fn gives a {type(model).__name__}, and the module defines no predict_fn that knows how to ask "
            "it: define predict_fn(data, model), or leave model_fn out to serve the model of the archive."
        )

    def handle(invocation: Invocation) -> Answer:
        context.begin(invocation)
        answered = respond(invocation)
        return answered if context.status == answered.status else replace(answered, status=context.status)

    return handle


def _whole(transform_fn: Hook, model: Any) -> Handler:
    def respond(invocation: Invocation) -> Answer:
        accept = _accept(invocation)
        result = call(transform_fn, model, _payload(invocation), invocation.content_type, accept)
        return answer("transform_fn", result, accept)

    return respond


def _in_parts(hooks: Hooks, model: Any, defaults: Defaults) -> Handler:
    input_fn, output_fn = hooks.get("input_fn"), hooks.get("output_fn")
    predict_fn = hooks.get("predict_fn")
    predict = defaults.predict if predict_fn is None else functools.partial(call, predict_fn)
    assert predict is not None  # `make_handler` has looked
    takes_model = input_fn is not None and "model" in _parameters(input_fn)

    def respond(invocation: Invocation) -> Answer:
        accept = _accept(invocation)
        if input_fn is None:
            data = defaults.read(invocation)
        else:
            further = (model,) if takes_model else ()
            data = call_on_input(input_fn, _payload(invocation), invocation.content_type, *further)
        prediction = predict(data, model)
        if output_fn is None:
            return defaults.write(prediction, accept)
        return answer("output_fn", call(output_fn, prediction, accept), accept)

    return respond


def _without_context(name: str, hook: Hook, context: Context) -> Hook:
    """`hook`, or a function that gives it the context behind the arguments that it is called with.

    As in the toolkit, a function with one parameter more than it needs takes the context; as in MXNet's, an `input_fn`
    whose third is called `model` takes the model.
    """
    needed = _ARGUMENTS[name]
    parameters = _parameters(hook)
    any_number = any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters.values())
    if any_number or len(parameters) == len(needed) or (name == "input_fn" and "model" in parameters):
        return hook
    if len(parameters) != len(needed) + 1:
        raise StartupError(
            f"{name} takes {len(parameters)} arguments ({', '.join(parameters)}). It is called as "
            f"{name}({', '.join(needed)}), or with one more, the context."
        )

    @functools.wraps(hook)
    def with_context(*arguments: Any) -> Any:
        return hook(*arguments, context)

    return with_context


def _parameters(hook: Hook) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(hook).parameters


def _at_start(hook: Hook, *arguments: Any) -> Any:
    try:
        return hook(*arguments)
    except (Exception, SystemExit) as error:
        _log.exception("%s failed.", hook.__name__)
        raise StartupError(f"{hook.__name__} failed: {type(error).__name__}: {error}") from error


def _payload(invocation: Invocation) -> str | bytes:
    """The toolkit gives text formats to its hooks as `str`."""
    if codecs.media_type(invocation.content_type) not in _TEXT:
        return invocation.body
    try:
        return invocation.body.decode()
    except UnicodeDecodeError as error:
        raise InvocationError(400, f"The payload is not UTF-8 text: {error}.") from None


def _accept(invocation: Invocation) -> str:
    """The toolkit's default stands for `*/*`."""
    if invocation.accept != ANY:
        return invocation.accept
    return os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or JSON
