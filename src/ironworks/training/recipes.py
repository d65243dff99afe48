"""Which environment serves a framework and version: one entry a framework in `RECIPES`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from ironworks.errors import ClientError
from ironworks.training.images import Image

PythonVersion = tuple[int, int]

_INSTALLERS = ("setuptools<81", "wheel")
"""With these in the environment a user's setup.py installs without fetching them again."""


@dataclass(frozen=True)
class Recipe:
    """How an environment is made.

    Attributes:
        framework: as images call it, such as `mxnet`.
        label: as people call it, such as `MXNet`.
        version: the version that is installed.
        requirements: what pip is given.
        pythons: the Python versions that it works on, best first.
        check: Python source that fails if the environment does not work.
        note: why another version than the one asked for serves it; empty if it is the same.
        duration: about how many seconds it takes to make one.
    """

    framework: str
    label: str
    version: str
    requirements: tuple[str, ...]
    pythons: tuple[PythonVersion, ...]
    check: str
    note: str = ""
    duration: int = 60

    @property
    def title(self) -> str:
        """Such as `MXNet 1.9.1`."""
        return f"{self.label} {self.version}"


def recipe(framework: str, version: str) -> Recipe:
    """The recipe that serves a framework and version.

    Raises:
        ClientError: no recipe does; the message names those that are there.
    """
    if framework not in RECIPES:
        raise ClientError(
            f"There is no environment for the framework {framework!r}. "
            f"Those that are there: {', '.join(sorted(RECIPES))}."
        )
    return RECIPES[framework](version)


def recipe_of(image: Image) -> Recipe:
    """The recipe that serves an image.

    Raises:
        ClientError: no recipe does; the message names the image.
    """
    if image.framework not in RECIPES:
        raise ClientError(
            f"The image {image.uri!r} is not available here: images are not pulled, their "
            f"framework's environment is made instead. Frameworks that are there: {', '.join(sorted(RECIPES))}."
        )
    return recipe(image.framework, image.version)


def _mxnet(version: str) -> Recipe:
    """MXNet 1.9.1 reads and trains what every 1.x did, and is the last release there is.

    NumPy 1.23 is the last that still has the aliases MXNet uses, and it ends at Python 3.11.
    """
    if version and version.split(".")[0] != "1":
        raise ClientError(
            f"MXNet {version} is not available. Ask for a 1.x version: it is served by MXNet 1.9.1."
        )
    return Recipe(
        framework="mxnet",
        label="MXNet",
        version="1.9.1",
        requirements=("mxnet==1.9.1", "numpy==1.23.5", *_INSTALLERS),
        pythons=((3, 11), (3, 10), (3, 9), (3, 8)),
        check="import mxnet; mxnet.nd.ones(1).asnumpy()",
        note=""
        if version in ("", "1.9.1")
        else f"MXNet {version} was asked for; MXNet 1.9.1 serves every 1.x version, being the last of "
        "that line and the one that is built for today's Python.",
    )


def _python(version: str) -> Recipe:
    """Python alone, for images such as `python:3.11-slim`: what else is needed the job installs."""
    numbers = tuple(int(number) for number in version.split(".")[:2]) if version else ()
    here = sys.version_info[:2]
    if numbers and (numbers[0] != 3 or (len(numbers) == 2 and numbers < (3, 8))):
        raise ClientError(f"Python {version} is not available. Ask for Python 3.8 or later.")
    wanted = (numbers[0], numbers[1]) if len(numbers) == 2 else here
    return Recipe(
        framework="python",
        label="Python",
        version=f"{wanted[0]}.{wanted[1]}",
        requirements=_INSTALLERS,
        pythons=(wanted,),
        check="import setuptools",
        duration=10,
    )


RECIPES: dict[str, Callable[[str], Recipe]] = {"mxnet": _mxnet, "python": _python}
"""What makes the recipe for a version (empty: any), by framework."""
