"""Finds the function that performs an operation, and calls it.

The operation `CreateTrainingJob` is performed by a function `create_training_job(backend, caller, params)` in
one of the service's modules. It answers the members of the output; it may be a coroutine function when it waits.
Plain functions run in a thread, because they use the database.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from functools import cached_property
from types import ModuleType
from typing import Any

from botocore import xform_name
from botocore.model import OperationModel, ServiceModel

from ironworks.server.backend import Backend
from ironworks.server.call import Caller
from ironworks.server.errors import UnknownOperation
from ironworks.server.protocols.model import service_model

Params = dict[str, Any]
Output = dict[str, Any] | None


class Operations:
    """The operations of one service that are performed here.

    The service's model is loaded at first use: together the models take a third of the server's memory.
    """

    def __init__(self, backend: Backend, service: str, modules: Sequence[ModuleType]) -> None:
        self._backend = backend
        self._service = service
        self._modules = modules

    @cached_property
    def model(self) -> ServiceModel:
        """AWS's model of the service."""
        return service_model(self._service)

    @cached_property
    def functions(self) -> dict[str, Callable[[Backend, Caller, Params], Any]]:
        """The functions that perform operations, by the operation's name."""
        found = {}
        for name in self.model.operation_names:
            for module in self._modules:
                function = getattr(module, xform_name(name), None)
                if function is not None:
                    found[name] = function
        return found

    def require(self, operation: OperationModel) -> None:
        """Make sure that the operation is performed here, before its members are looked at.

        Raises:
            UnknownOperation: it is not.
        """
        if operation.name not in self.functions:
            raise UnknownOperation(operation.name)

    async def perform(self, operation: OperationModel, caller: Caller, params: Params) -> Output:
        """Call the operation's function.

        Raises:
            ServiceError: what the function raises.
        """
        function = self.functions[operation.name]
        if inspect.iscoroutinefunction(function):
            output: Output = await function(self._backend, caller, params)
        else:
            output = await asyncio.to_thread(function, self._backend, caller, params)
        return output
