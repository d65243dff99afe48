"""Hosting scripts around a model that stands for a compiled one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from ironworks.serving.errors import InvocationError, StartupError
from ironworks.serving.hooks import make_handler
from ironworks.serving.invocation import Answer, Handler, Invocation

FOLDER = Path("model")


@dataclass
class Named:
    name: str


class Doubling:
    """Stands for a compiled model of two numbers."""

    def __init__(self, outputs: int = 1) -> None:
        self.inputs = [Named("data")]
        self.outputs = [Named(f"out{index}") for index in range(outputs)]

    def run(self, data: Any) -> list[np.ndarray]:
        array = np.asarray(data["data"] if isinstance(data, dict) else data, dtype=np.float32)
        if array.size != 2:
            raise ValueError(f"The input data takes 2 numbers and was given {array.size}.")
        return [array * 2 * (index + 1) for index in range(len(self.outputs))]


def handler(source: str | None, model: Any = None) -> Handler:
    module = None
    if source is not None:
        module = ModuleType("hosting_script")
        exec(source, module.__dict__)
    return make_handler(module, FOLDER, lambda _: model or Doubling())


def invoke(source: str | None, body: bytes = b"[1, 2]", model: Any = None, **members: str) -> Answer:
    return handler(source, model)(Invocation(body, **members))


def failure(source: str | None, body: bytes = b"[1, 2]", **members: str) -> InvocationError:
    with pytest.raises(InvocationError) as caught:
        invoke(source, body, **members)
    return caught.value


def refusal(source: str) -> str:
    with pytest.raises(StartupError) as caught:
        handler(source)
    return str(caught.value)
