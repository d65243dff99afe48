"""Stand-ins for frameworks that are not installed, so that a module which imports one for training still loads.

A training script usually serves as the hosting script too, and begins with `import mxnet as mx`, although its
hosting hooks work on arrays alone. While such a module loads, a stand-in gives way to everything that top-level
code does with a framework: attributes, base classes, annotations, decorators, calls. Afterwards, using it is an
error that names it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# fmt: off
FRAMEWORKS = frozenset({
    "catboost", "chainer", "dgl", "fastai", "flax", "gluoncv", "gluonnlp", "gluonts", "horovod", "jax", "keras",
    "lightgbm", "lightning", "mxboard", "mxnet", "onnx", "paddle", "pytorch_lightning", "sklearn", "smdebug",
    "tensorboardX", "tensorflow", "tensorflow_hub", "tf_keras", "tflite_runtime", "timm", "torch", "torchaudio",
    "torchtext", "torchvision", "transformers", "tvm", "xgboost",
})
# fmt: on
"""Top-level modules that may be stood in for: they train models, and a compiled model needs none of them."""


class AbsentFrameworkError(ImportError):
    """The user's code used a framework that is not installed here."""

    def __init__(self, name: str) -> None:
        framework = name.partition(".")[0]
        super().__init__(
            f"{name} was used, but {framework} is not installed where a compiled model is served. "
            f"Write the hosting functions with numpy, and use {framework} only in the functions that train.",
            name=framework,
        )


class AbsentObject:
    """Whatever `framework.some.attribute` would be."""

    __iter__ = None  # else Python would iterate through `__getitem__`, without end

    def __init__(self, name: str, finder: AbsentFrameworks) -> None:
        self._name = name
        self._finder = finder

    def __getattr__(self, attribute: str) -> AbsentObject:
        if attribute.startswith("__"):
            raise AttributeError(f"{self._name}.{attribute}: {AbsentFrameworkError(self._name)}")
        return AbsentObject(f"{self._name}.{attribute}", self._finder)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        self._finder.check_loading(self._name)
        if len(arguments) == 1 and not keywords and _is_definition(arguments[0]):
            return arguments[0]  # a decorator: what it decorates stays as it is
        return AbsentObject(f"{self._name}()", self._finder)

    def __getitem__(self, _key: Any) -> AbsentObject:
        self._finder.check_loading(self._name)
        return AbsentObject(f"{self._name}[]", self._finder)

    def __or__(self, _other: Any) -> AbsentObject:
        """In an annotation such as `Tensor | None`."""
        return self

    __ror__ = __or__

    def __bool__(self) -> bool:
        """False: `if torch.cuda.is_available()` is the usual question."""
        return False

    def __instancecheck__(self, _instance: Any) -> bool:
        """Nothing can be an instance of a class that does not exist."""
        return False

    def __mro_entries__(self, _bases: tuple[Any, ...]) -> tuple[type]:
        name = self._name

        def __init__(_self: Any, *_arguments: Any, **_keywords: Any) -> None:
            raise AbsentFrameworkError(name)

        return (type(name.rpartition(".")[2], (), {"__init__": __init__}),)


class AbsentModule(ModuleType):
    """A framework, or one of its submodules, that is not installed."""

    def __init__(self, name: str, finder: AbsentFrameworks) -> None:
        super().__init__(name)
        self.__all__: list[str] = []
        self._finder = finder

    def __getattr__(self, attribute: str) -> AbsentObject:
        if attribute.startswith("__"):
            raise AttributeError(f"{self.__name__}.{attribute}: {AbsentFrameworkError(self.__name__)}")
        return AbsentObject(f"{self.__name__}.{attribute}", self._finder)


class AbsentFrameworks(MetaPathFinder, Loader):
    """Finds the frameworks that were added, and only those, behind every other finder.

    Attributes:
        names: top-level modules that are stood in for.
        loading: top-level code of the user's module runs, so everything is allowed.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.loading = True

    def check_loading(self, name: str) -> None:
        """Raises AbsentFrameworkError once the user's module is loaded."""
        if not self.loading:
            raise AbsentFrameworkError(name)

    def install(self) -> None:
        """Become the last of `sys.meta_path`."""
        sys.meta_path.append(self)

    def remove(self) -> None:
        """Leave `sys.meta_path` and `sys.modules`."""
        sys.meta_path.remove(self)
        for name in [name for name, module in sys.modules.items() if isinstance(module, AbsentModule)]:
            del sys.modules[name]

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A package for every name below one of `names`."""
        if fullname.partition(".")[0] not in self.names:
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The stand-in."""
        return AbsentModule(spec.name, self)

    def exec_module(self, _module: ModuleType) -> None:
        """There is no code to run."""


def _is_definition(value: Any) -> bool:
    return isinstance(value, type) or (callable(value) and hasattr(value, "__code__"))
