"""Finds the function that performs an operation, and calls it.

The operation `CreateTrainingJob` is performed by a function `create_training_job(backend, caller, params)` in
one of the service's modules. It answers the members of the output; it may be a coroutine function when it waits.
Plain functions run in a thread, because they use the database.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from botocore import xform_name
from botocore.model import OperationModel, ServiceModel

from ironworks.server.backend import Backend
from ironworks.server.call import Caller
from ironworks.server.errors import UnknownOperation

Params = dict[str, Any]
Output = dict[str, Any] | None


class Operations:
    """The operations of one service that are performed here."""

    def __init__(self, backend: Backend, model: ServiceModel, modules: Sequence[ModuleType]) -> None:
        self.model = model
        self._backend = backend
        self._functions: dict[str, Callable[[Backend, Caller, Params], Any]] = {}
        for name in model.operation_names:
            for module in modules:
                function = getattr(module, xform_name(name), None)
                if function is not None:
                    self._functions[name] = function

    @property
    def names(self) -> list[str]:
        """The operations that are performed here."""
        return sorted(self._functions)

    async def perform(self, operation: OperationModel, caller: Caller, params: Params) -> Output:
        """Call the operation's function.

        Raises:
            UnknownOperation: there is none.
            ServiceError: what the function raises.
        """
        function = self._functions.get(operation.name)
        if function is None:
            raise UnknownOperation(operation.name)
        if inspect.iscoroutinefunction(function):
            output: Output = await function(self._backend, caller, params)
        else:
            output = await asyncio.to_thread(function, self._backend, caller, params)
        return output
