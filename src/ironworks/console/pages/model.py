"""A model: what it is made of, and which endpoint configurations name it."""

from __future__ import annotations

from typing import Any

from ironworks.console.pages import confirmation
from ironworks.console.visit import Visit
from ironworks.server.http import Response

PLACE = ("models",)


async def show(visit: Visit, name: str) -> Response:
    """The page of a model."""
    model = await _describe(visit, name)
    container = model.get("PrimaryContainer") or model["Containers"][0]
    return await visit.page("model.html", model=model, container=container)


async def confirm_delete(visit: Visit, name: str) -> Response:
    """Whether to delete it."""
    model = await _describe(visit, name)
    container = model.get("PrimaryContainer") or model["Containers"][0]
    consequences = [
        "Its record goes; no new endpoint configuration can name it.",
        "Endpoints that serve it go on.",
        f"Its archive stays: {container['ModelDataUrl']}",
    ]
    question = f"Delete the model {name}?"
    return await confirmation.ask(
        visit, question, consequences, "Delete the model", back=visit.link(*PLACE, name)
    )


async def delete(visit: Visit, name: str) -> Response:
    """Delete it."""
    return await confirmation.perform(visit, "DeleteModel", PLACE, ModelName=name)


async def _describe(visit: Visit, name: str) -> dict[str, Any]:
    return await visit.wire.sagemaker("DescribeModel", ModelName=name)
