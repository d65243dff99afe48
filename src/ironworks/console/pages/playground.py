"""The playground of an endpoint: a drawn digit, a picture or a payload goes to the model as any request does."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from ironworks.console.forms import Form
from ironworks.console.pages import endpoint as endpoint_page
from ironworks.console.pages import serving
from ironworks.console.pages.payload import PayloadError, Picture, picture_of
from ironworks.console.visit import Visit
from ironworks.console.wire import read
from ironworks.control.records import Resource
from ironworks.drawing.bars import Bar, chart
from ironworks.drawing.markup import Html
from ironworks.server.errors import ServiceError
from ironworks.server.http import Response

NPY = "application/vnd+python.numpy+binary"
"""What the notebook sends, and the SDK's serializer."""
JSON = "application/json"
_TYPES = {".npy": NPY, ".json": JSON, ".csv": "text/csv"}
_MOST_BARS = 12
_MOST_SHOWN = 4000
"""Letters of an answer that is shown as it is."""


@dataclass(frozen=True)
class Answer:
    """What the model said.

    Attributes:
        chart: its numbers as bars, if it is one row of numbers.
        best: the place of the largest of them.
        text: the answer as it came.
        seconds: from the request to the whole answer, within the server.
        variant: who answered.
    """

    chart: Html
    best: int | None
    text: str
    seconds: float
    variant: str


async def show(visit: Visit, name: str) -> Response:
    """The page."""
    return await _page(visit, await endpoint_page.find(visit, name))


async def ask(visit: Visit, name: str) -> Response:
    """Send what was drawn or chosen, and show the answer."""
    endpoint = await endpoint_page.find(visit, name)
    form = await visit.form()
    try:
        manifest = await asyncio.to_thread(serving.manifest, visit.backend.platform, endpoint)
        content_type, body = _payload(form, picture_of(manifest))
        answer = await _invoke(visit, name, content_type, body)
    except PayloadError as error:
        return await _page(visit, endpoint, error=str(error), text=form.text("text"))
    except ServiceError as error:
        message = str(error.details.get("OriginalMessage") or error.message)
        return await _page(visit, endpoint, error=message, text=form.text("text"))
    return await _page(visit, endpoint, answer=answer, text=form.text("text"))


async def _page(
    visit: Visit, endpoint: Resource, *, answer: Answer | None = None, error: str = "", text: str = ""
) -> Response:
    template = "playground_answer.html" if visit.is_partial else "playground.html"
    manifest = await asyncio.to_thread(serving.manifest, visit.backend.platform, endpoint)
    return await visit.page(
        template,
        endpoint=endpoint,
        picture=picture_of(manifest),
        inputs=(manifest or {}).get("inputs", []),
        answer=answer,
        error=error,
        text=text,
    )


def _payload(form: Form, picture: Picture) -> tuple[str, bytes]:
    """The content type and the body to send.

    Raises:
        PayloadError: nothing was drawn, chosen or written.
    """
    if form.text("kind") == "picture":
        return NPY, picture.payload(form.text("pixels"))
    file = form.file("file")
    if file is not None:
        suffix = PurePath(file.name).suffix.lower()
        if suffix not in _TYPES:
            raise PayloadError(f"{file.name} is not one of {', '.join(_TYPES)}; a picture belongs above.")
        return _TYPES[suffix], file.content
    if not form.text("text").strip():
        raise PayloadError("There is nothing to send: write JSON, or choose a file.")
    return JSON, form.text("text").encode()


async def _invoke(visit: Visit, name: str, content_type: str, body: bytes) -> Answer:
    began = time.perf_counter()
    response = await visit.wire.invoke(name, {"content-type": content_type, "accept": JSON}, body)
    content = await read(response)
    seconds = time.perf_counter() - began
    text = content.decode(errors="replace")
    values = _row(text)
    best = None if values is None else max(range(len(values)), key=values.__getitem__)
    drawn = Html() if values is None or best is None else _bars(values, best)
    variant = response.headers.get("x-Amzn-Invoked-Production-Variant", "")
    return Answer(drawn, best, text[:_MOST_SHOWN], seconds, variant)


def _row(text: str) -> list[float] | None:
    """The numbers of an answer that is one row of them, however many brackets are around it."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if isinstance(found, dict):
        found = found.get("predictions", list(found.values()))
    while isinstance(found, list) and len(found) == 1 and isinstance(found[0], list):
        found = found[0]
    numbers = isinstance(found, list) and all(type(value) in (int, float) for value in found)
    return [float(value) for value in found] if numbers and len(found) > 1 else None


def _bars(values: Sequence[float], best: int) -> Html:
    """The values in their order, or of many the largest."""
    places = list(range(len(values)))
    if len(values) > _MOST_BARS:
        places = sorted(places, key=lambda place: -values[place])[:_MOST_BARS]
    probabilities = all(0 <= value <= 1 for value in values)
    longest = 1.0 if probabilities else max(map(abs, values)) or 1.0
    bars = [
        Bar(
            name=str(place),
            figure=f"{values[place]:.1%}" if probabilities else f"{values[place]:.4g}",
            share=max(0.0, values[place] / longest),
            class_="won" if place == best else "",
        )
        for place in places
    ]
    whole = "" if len(places) == len(values) else f", the largest {len(places)} of {len(values)}"
    return chart(f"What the model answers for each class{whole}", bars)
