"""What a framework image's URI asks for, to train or to serve.

Such as `ACCOUNT.dkr.ecr.REGION.amazonaws.com/mxnet-training:1.4.1-cpu-py3`, or with `mxnet-inference` in its place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ironworks.errors import ClientError

_REPOSITORY = re.compile(
    r"(?:sagemaker-)?(?:neo-|inference-)?(?P<framework>[a-z0-9]+?)"
    r"(?:-(?:training|inference|serving))?(?:-eia)?(?:-gpu|-cpu)?"
)
_TAG = re.compile(r"(?P<version>\d+(?:\.\d+)*)?(?P<rest>(?:[-.].*|latest)?)")


@dataclass(frozen=True)
class Image:
    """A framework image, whichever registry and account it is said to lie in.

    Attributes:
        uri: as it was asked for.
        framework: lower case, such as `mxnet`.
        version: such as `1.4.1`; empty if the tag names none.
        gpu: whether the build for GPUs was asked for.
    """

    uri: str
    framework: str
    version: str
    gpu: bool

    @classmethod
    def parse(cls, uri: str) -> Image:
        """Read repository and tag.

        Raises:
            ClientError: the URI is not of this form, or asks for Python 2.
        """
        path, _, tag = uri.rpartition("/")[2].partition(":")
        repository = _REPOSITORY.fullmatch(path.lower())
        version = _TAG.fullmatch(tag.lower())
        if repository is None or version is None:
            raise ClientError(
                f"The image {uri!r} is not one of a framework. Give it as "
                "FRAMEWORK-training:VERSION-cpu-py3, or FRAMEWORK-inference to serve, with or without a registry "
                "in front."
            )
        words = re.split("[-.]", version["rest"])
        if "py2" in words or "py27" in words:
            raise ClientError(f"The image {uri!r} asks for Python 2. Ask for Python 3: py_version='py3'.")
        gpu = "gpu" in words or path.endswith("-gpu")
        return cls(uri, repository["framework"], version["version"] or "", gpu)
