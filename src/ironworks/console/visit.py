"""One request of somebody who is signed in: what it asks for, and what a page needs to answer it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from ironworks.console import forms
from ironworks.console.access import Access, Session
from ironworks.console.rendering import render
from ironworks.console.urls import link
from ironworks.console.wire import Wire
from ironworks.server.backend import Backend
from ironworks.server.http import Request, Response

THEME_COOKIE = "ironworks-theme"
THEMES = ("light", "dark")


class NoSuchPage(Exception):
    """Nothing is at this path."""


class Forbidden(Exception):
    """A form was not made for this session."""


@dataclass(frozen=True)
class Visit:
    """A request, the session and region that it belongs to, and the server behind it.

    Attributes:
        address: the URL of the server, as clients are given it.
        regions: those that have resources, and this one.
    """

    request: Request
    session: Session
    access: Access
    backend: Backend
    wire: Wire
    address: str
    regions: Sequence[str]

    @property
    def region(self) -> str:
        """The region that the page is about."""
        return self.wire.region

    @cached_property
    def query(self) -> Mapping[str, str]:
        """The query of the URL; empty members are left out, as a form with empty fields sends them."""
        return dict(parse_qsl(self.request.query))

    @property
    def here(self) -> str:
        """The URL of this page, without its host."""
        return f"{self.request.path}?{self.request.query}" if self.request.query else self.request.path

    @property
    def is_partial(self) -> bool:
        """Whether htmx asks, for a part of the page."""
        return self.request.headers.get("hx-request") == "true"

    @property
    def theme(self) -> str:
        """`light`, `dark`, or nothing for what the system prefers."""
        return theme_of(self.request)

    def link(self, *parts: str, **query: str | None) -> str:
        """The URL of a page of this region."""
        return link(self.region, *parts, **query)

    async def form(self) -> forms.Form:
        """The form that was sent.

        Raises:
            Forbidden: it was not made for this session.
            BadForm: it is not a form.
            RequestTooLarge: it is larger than any form here.
        """
        body = await self.request.read(forms.LARGEST_FORM)
        form = forms.parse(body, self.request.headers.get("content-type", ""))
        if not self.access.owns(self.session, form.text("csrf")):
            raise Forbidden
        return form

    async def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """A template as an answer. It is rendered in a thread: meanwhile requests go on."""
        body = await asyncio.to_thread(render, template, visit=self, **values)
        return Response(status, {"Content-Type": "text/html; charset=utf-8"}, body.encode())


def redirect(url: str) -> Response:
    """Look there, after a form was carried out."""
    return Response(303, {"Location": url})


def theme_of(request: Request) -> str:
    """The theme that was chosen; nothing if none was."""
    chosen = cookies(request).get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else ""


def cookies(request: Request) -> dict[str, str]:
    """The cookies of a request."""
    pairs = (pair.strip().partition("=") for pair in request.headers.get("cookie", "").split(";"))
    return {name: value for name, _, value in pairs}
