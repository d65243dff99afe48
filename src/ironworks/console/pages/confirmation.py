"""The page between a destructive button and what it does: it names what goes, and what stays."""

from __future__ import annotations

from collections.abc import Sequence

from ironworks.console.visit import Visit, redirect
from ironworks.server.http import Response


async def ask(
    visit: Visit, question: str, consequences: Sequence[str], button: str, *, back: str
) -> Response:
    """Ask; the answer is posted to the same path. `back` is where "Cancel" leads."""
    return await visit.page(
        "confirm.html", question=question, consequences=consequences, button=button, back=back
    )


async def perform(visit: Visit, operation: str, then: tuple[str, ...], **parameters: str) -> Response:
    """Do what was confirmed, by an operation of SageMaker, and lead to the page `then`.

    Raises:
        Forbidden: the form was not made for this session.
    """
    await visit.form()
    await visit.wire.sagemaker(operation, **parameters)
    return redirect(visit.link(*then))
