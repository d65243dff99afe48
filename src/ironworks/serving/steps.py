"""A handler in three steps, of which the middle one can be taken for several invocations together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter_ns
from typing import Any, Protocol

from ironworks.serving import codecs
from ironworks.serving.errors import InvocationError
from ironworks.serving.invocation import Answer, Invocation, model_time


class Tensor(Protocol):
    """What is said of an input or output; `size` is the number of elements, of one row if there may be several."""

    @property
    def name(self) -> str: ...

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def size(self) -> int: ...


class Model(Protocol):
    """A compiled model, as `ironworks.runtime.load` gives it."""

    @property
    def inputs(self) -> Sequence[Tensor]: ...

    @property
    def outputs(self) -> Sequence[Tensor]: ...

    def run(self, inputs: codecs.Inputs, /) -> list[codecs.Array]: ...


class Steps:
    """Reads an invocation, runs the model, writes the answer.

    Attributes:
        model: what runs.
        read: the model's inputs from an invocation.
        write: the answer to an invocation from the model's outputs.
    """

    def __init__(
        self,
        model: Model,
        read: Callable[[Invocation], codecs.Inputs],
        write: Callable[[list[codecs.Array], Invocation], Answer],
    ) -> None:
        self.model = model
        self.read = read
        self.write = write

    def __call__(self, invocation: Invocation) -> Answer:
        return self.write(run(self.model, self.read(invocation)), invocation)


def run(model: Any, inputs: codecs.Inputs) -> list[codecs.Array]:
    """Run the model and note how long it took.

    Raises:
        InvocationError: 400, the inputs are not what the model takes.
    """
    began = perf_counter_ns()
    try:
        outputs: list[codecs.Array] = model.run(inputs)
        return outputs
    except ValueError as error:
        raise InvocationError(400, f"The model cannot take this input: {error}") from None
    finally:
        model_time.nanoseconds += perf_counter_ns() - began
