"""The path of a request to the console, as one list of steps.

1. Is the request for this machine by its address? A web page of somebody else's may have a name lead here.
2. Static files, signing in.
3. Who asks? Without a session there is only the page that says how to sign in.
4. The page of the path. A form has to be made for the session.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import time
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from ironworks.console import rendering
from ironworks.console.access import SESSION_SECONDS, Access, Refused, Session
from ironworks.console.forms import BadForm
from ironworks.console.pages import ROUTES, Page
from ironworks.console.rendering import render
from ironworks.console.urls import PREFIX, link
from ironworks.console.visit import (
    THEME_COOKIE,
    THEMES,
    Forbidden,
    NoSuchPage,
    Visit,
    cookies,
    redirect,
    theme_of,
)
from ironworks.console.wire import Wire
from ironworks.server.errors import ServiceError
from ironworks.server.http import ClientDisconnected, Request, RequestTooLarge, Response
from ironworks.server.installation import Installation

log = logging.getLogger(__name__)

SESSION_COOKIE = "ironworks-session"
DEFAULT_REGION = "us-west-2"
_REGION = re.compile(r"[a-z]{2,3}(?:-[a-z]+)+-\d{1,2}")
_MISSING = re.compile("not found|could not find", re.IGNORECASE)

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Console:
    """The pages of one installation, which is opened when its application starts."""

    prefix = PREFIX

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._started = time.time()
        self._access: Access | None = None

    async def answer(self, request: Request) -> Response:
        """The page, or the page that says what went wrong."""
        try:
            response = await self._respond(request)
        except ClientDisconnected:
            raise
        except Exception as error:
            response = _failure(request, error)
        return Response(response.status, {**_HEADERS, **response.headers}, response.body)

    async def _respond(self, request: Request) -> Response:
        if not _is_local(request.headers.get("host", "")):
            return _message(request, 403, "Not by this name", _BY_ADDRESS)
        path = request.path.removeprefix(PREFIX)
        if path.startswith("/static/"):
            return _static(request, path.removeprefix("/static/"))
        access = self._open()
        if path == "/login":
            return _sign_in(request, access)
        session = access.session(cookies(request).get(SESSION_COOKIE, ""))
        if session is None:
            return _signed_out(request)
        return await self._show(request, access, session, path)

    async def _show(self, request: Request, access: Access, session: Session, path: str) -> Response:
        regions = await asyncio.to_thread(self._installation.backend.platform.resources.regions)
        first, _, rest = path.lstrip("/").partition("/")
        if first in ("", "index.html"):
            return redirect(link(regions[0] if regions else DEFAULT_REGION, ""))
        region = first if _REGION.fullmatch(first) else (regions or [DEFAULT_REGION])[0]
        visit = Visit(
            request=request,
            session=session,
            access=access,
            backend=self._installation.backend,
            wire=Wire(self._installation.services, self._installation.keys, region),
            address=self._installation.address,
            regions=sorted({*regions, region}),
        )
        if (own := _OWN.get(path)) is not None:
            return await _only_post(visit, own)
        if region != first:
            raise NoSuchPage
        page, names = _find(request.method, rest)
        return await page(visit, *names)

    def _open(self) -> Access:
        # The keys are there when the installation has started, which is before the first request.
        if self._access is None:
            self._access = Access(self._installation.keys.secret_access_key, self._started)
        return self._access


def _is_local(host: str) -> bool:
    """Whether a Host header is an address or `localhost`, which no web site's name server can give out."""
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost":
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _sign_in(request: Request, access: Access) -> Response:
    token = parse_qs(request.query).get("token", [""])[0]
    if request.method != "GET":
        return _not_allowed("GET")
    try:
        session = access.use_link(token)
    except Refused as error:
        return _message(request, 403, "This link does not open the console", f"{error} {_HOW_TO}", _COMMAND)
    # A page of its own instead of a redirect: after a click in another site's page, such as a terminal in a
    # browser, the strict cookie is sent only with what this page asks for.
    page = render("signed_in.html", theme=theme_of(request))
    cookie = f"{SESSION_COOKIE}={session.text}; Path={PREFIX}; HttpOnly; SameSite=Strict; Max-Age={SESSION_SECONDS}"
    return Response(200, {"Content-Type": "text/html; charset=utf-8", "Set-Cookie": cookie}, page.encode())


async def _sign_out(visit: Visit) -> Response:
    await visit.form()
    visit.access.end(visit.session)
    gone = f"{SESSION_COOKIE}=; Path={PREFIX}; HttpOnly; SameSite=Strict; Max-Age=0"
    return Response(303, {"Location": link(""), "Set-Cookie": gone})


async def _choose_theme(visit: Visit) -> Response:
    form = await visit.form()
    chosen, back = form.text("theme"), form.text("back")
    age = 365 * 86400 if chosen in THEMES else 0
    cookie = (
        f"{THEME_COOKIE}={chosen if age else ''}; Path={PREFIX}; HttpOnly; SameSite=Strict; Max-Age={age}"
    )
    where = back if back.startswith(f"{PREFIX}/") and back.isprintable() else link("")
    return Response(303, {"Location": where, "Set-Cookie": cookie})


_OWN = {"/logout": _sign_out, "/theme": _choose_theme}


async def _only_post(visit: Visit, page: Page) -> Response:
    return await page(visit) if visit.request.method == "POST" else _not_allowed("POST")


def _find(method: str, path: str) -> tuple[Page, list[str]]:
    """The page at a path below the region, and what stands in the variable parts of the path."""
    parts = [unquote(part) for part in path.split("/")]
    for route_method, pattern, page in ROUTES:
        expected = pattern.split("/")
        if route_method == method and len(parts) == len(expected):
            pairs = list(zip(parts, expected, strict=True))
            if all(part == want or (want == "*" and part) for part, want in pairs):
                return page, [part for part, want in pairs if want == "*"]
    raise NoSuchPage


def _static(request: Request, name: str) -> Response:
    found = rendering.static_file(name)
    if found is None:
        return Response(404, {"Content-Type": "text/plain"}, b"There is no such file.")
    content, kind = found
    kept = "max-age=31536000, immutable" if request.query.startswith("v=") else "no-cache"
    return Response(200, {"Content-Type": kind, "Cache-Control": kept}, content)


def _not_allowed(method: str) -> Response:
    return Response(
        405, {"Allow": method, "Content-Type": "text/plain"}, f"Only {method} is answered here.".encode()
    )


def _signed_out(request: Request) -> Response:
    """How to sign in; a part of a page that htmx asks for makes the whole page be loaded again."""
    response = _message(request, 401, "Sign in", _HOW_TO, _COMMAND)
    response.headers["HX-Refresh"] = "true"
    return response


def _failure(request: Request, error: Exception) -> Response:
    if isinstance(error, ServiceError):
        missing = _MISSING.search(error.message) is not None
        return _message(
            request, 404 if missing else error.status, "Not found" if missing else error.code, error.message
        )
    if isinstance(error, NoSuchPage):
        return _message(request, 404, "Not found", "There is no such page. Use the navigation above.")
    if isinstance(error, Forbidden):
        return _message(request, 403, "Not from this page", _STALE)
    if isinstance(error, BadForm):
        return _message(request, 400, "Not a form", str(error))
    if isinstance(error, RequestTooLarge):
        return _message(request, 413, "Too large", str(error))
    log.error("%s %s failed (request %s)", request.method, request.path, request.id, exc_info=error)
    return _message(request, 500, "The server failed", f"Its log has the reason under request {request.id}.")


def _message(request: Request, status: int, title: str, text: str, command: str = "") -> Response:
    values: dict[str, Any] = {"title": title, "text": text, "command": command}
    page = render("message.html", theme=theme_of(request), **values)
    return Response(status, {"Content-Type": "text/html; charset=utf-8"}, page.encode())


_COMMAND = "ironworks console"
_HOW_TO = "Run this where the server runs; it makes a link that opens the console once:"
_BY_ADDRESS = "The console is opened by the server's address, such as http://127.0.0.1:8750, or by localhost."
_STALE = (
    "This form was made for another session, so nothing was done. Go back, load the page again and repeat it."
)
