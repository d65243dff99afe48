"""Models: an archive, the code that goes with it, and how it is to be served."""

from __future__ import annotations

from ironworks.control.platform import Platform
from ironworks.control.records import Document, Resource

KIND = "model"


def create(platform: Platform, region: str, request: Document) -> Resource:
    """Store a model.

    Raises:
        AlreadyExists: the name is taken.
    """
    name = request["ModelName"]
    arn = platform.arn(region, KIND, name)
    return platform.resources.create(KIND, region, name, arn, status="", request=request, state={})


def container(model: Resource) -> Document:
    """The one container of a model: its image, archive and environment."""
    request = model.request
    single: Document = request.get("PrimaryContainer") or request["Containers"][0]
    return single
