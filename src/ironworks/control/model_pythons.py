"""The Python in which a variant's instances run: the server's own, or a virtual environment of the variant's.

An original model needs its framework, whose environment is shared with training jobs; a model with a
`code/requirements.txt` needs what that names, which goes into a layer of its own on top. So nothing that one
endpoint installs is seen by another, and a layer is made in milliseconds where nothing is to be installed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import ironworks
from ironworks.control.plans import Variant
from ironworks.errors import ClientError, PlatformError
from ironworks.training import installing, overlay, variables
from ironworks.training.environments import Environment, Environments
from ironworks.training.images import Image
from ironworks.training.installing import PIP_INSTALL, Check, Log
from ironworks.training.recipes import recipe_of

OLDEST = (3, 10)
"""The oldest Python that runs an instance."""


def prepare(
    environments: Environments, variant: Variant, model: Path, folder: Path, log: Log, check: Check
) -> None:
    """Make the virtual environment of a variant in `folder`, if it needs one of its own.

    Args:
        environments: the frameworks' environments, where that of an original model is made if it is missing.
        variant: its image says which framework, and which version, an original model needs.
        model: the unpacked model archive.
        folder: where to make it; it is not there yet.
        log: takes a line of progress.
        check: is called meanwhile, and may raise to break it off.

    Raises:
        ClientError: nothing here serves the image, or the requirements cannot be installed.
        PlatformError: the framework's environment cannot be made.
    """
    compiled = (model / "manifest.json").is_file()
    requirements = model / "code" / "requirements.txt"
    if compiled and not requirements.is_file():
        return
    environment = (
        Environment.of(Path(sys.executable)) if compiled else _framework(environments, variant, log, check)
    )
    python = overlay.create(environment, folder)
    if not compiled:
        _add_ironworks(python, environment)
    if requirements.is_file():
        log(f"Installing code/requirements.txt of {variant.model_name} …")
        ended = _pip(python, ["-r", requirements.name], requirements.parent, log, check)
        if ended.code != 0:
            raise ClientError(
                f"code/requirements.txt of the model {variant.model_name} cannot be installed: {ended.reason} Correct "
                "it, and create the endpoint again. The endpoint's log group has all that pip printed."
            )


def _framework(environments: Environments, variant: Variant, log: Log, check: Check) -> Environment:
    image = Image.parse(variant.image)
    recipe_of(image)
    log(f"The model {variant.model_name} is not a compiled one: it is served by its framework.")
    environment = environments.prepare(image.framework, image.version, log, check)
    log(f"Serving by {environment.description}.")
    if tuple(map(int, environment.version.split("."))) < OLDEST:
        raise PlatformError(
            f"{environment.description} trains models and cannot serve them: that takes Python 3.10 or later. Install "
            "Python 3.11, so that `python3.11 --version` runs, remove the folder "
            f"{environment.python.parents[1]}, and create the endpoint again."
        )
    return environment


def _add_ironworks(python: Path, environment: Environment) -> None:
    """Let the framework's Python import this package, and nothing else of ours."""
    package = Path(ironworks.__file__).parent
    packages = python.parents[1] / "lib" / f"python{environment.version}" / "site-packages"
    (packages / package.name).symlink_to(package)


def _pip(python: Path, words: list[str], cwd: Path, log: Log, check: Check) -> installing.Ending:
    return installing.run([str(python), *PIP_INSTALL, *words], log, check, cwd=cwd, env=variables.of_host())
