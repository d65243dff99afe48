"""From an unpacked model archive to the function that answers invocations."""

from __future__ import annotations

import logging
from pathlib import Path
from types import ModuleType

from ironworks.serving import hooks, mxnet_models, toolkit
from ironworks.serving.absent import FRAMEWORKS
from ironworks.serving.context import Context
from ironworks.serving.errors import StartupError
from ironworks.serving.invocation import Handler
from ironworks.serving.module import load_module

MANIFEST = "manifest.json"
"""An archive with this file holds a compiled model; one without it is served as the framework's own."""

_log = logging.getLogger(__name__)


def prepare(directory: Path, program: str | None, threads: int = 1) -> Handler:
    """Load the model and the user's module.

    Args:
        directory: the unpacked model archive.
        program: the value of SAGEMAKER_PROGRAM, if it is set.
        threads: how many a compiled model may use at most.

    Raises:
        StartupError: one of them cannot be loaded.
    """
    if (directory / MANIFEST).is_file():
        return _compiled(load_module(directory, program, may_be_absent=FRAMEWORKS), directory, threads)
    return _original(load_module(directory, program, may_be_absent=frozenset()), directory)


def _compiled(module: ModuleType | None, directory: Path, threads: int) -> Handler:
    from ironworks.runtime import ArtifactError, CompiledModel, Manifest, load

    def load_model(folder: Path) -> CompiledModel:
        manifest = Manifest.from_json((folder / MANIFEST).read_bytes())
        return load(folder, min(manifest.threads, threads))

    try:
        return hooks.make_handler(module, directory, load_model)
    except ArtifactError as error:
        raise StartupError(str(error)) from error


def _original(module: ModuleType | None, directory: Path) -> Handler:
    context = Context(directory)
    defined = toolkit.defined(module, context)
    neo = hooks.neo_hooks(module)
    if neo:
        _log.info("%s: for compiled models, and not called for this one, which is not.", ", ".join(neo))
    model = toolkit.load_model(defined, directory, mxnet_models.load_module)
    _log.info("The model is a %s.%s.", type(model).__module__, type(model).__name__)
    return toolkit.make_handler(defined, model, mxnet_models.defaults_for(model), context)
