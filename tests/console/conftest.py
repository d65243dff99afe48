"""A console before an installation whose job processes are fakes, and somebody who looks at it."""

from __future__ import annotations

import http.client
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from ironworks.console.access import make_link_token
from ironworks.console.site import Console
from ironworks.home import Home
from tests.server.wire import Wire, serve

CONSOLE = "/_ironworks/console"
REGION = f"{CONSOLE}/us-west-2"


@dataclass
class Page:
    """What was answered."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def words(self) -> str:
        """What one reads: without the tags."""
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", self.text)).split())


@dataclass
class Browser:
    """Keeps cookies, and sends forms with the token that is in each of them."""

    address: str
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Page:
        """The page at a path."""
        return self.ask("GET", path, b"", headers)

    def post(self, path: str, form: Mapping[str, str] | None = None, **headers: str) -> Page:
        """Send a form to a path, as a page of the console has it."""
        page = self.get(f"{REGION}/models")
        token = re.search(r'name="csrf" value="([^"]+)"', page.text)
        fields = {"csrf": token[1] if token else "", **(form or {})}
        return self.send(path, urlencode(fields).encode(), "application/x-www-form-urlencoded", **headers)

    def send(self, path: str, body: bytes, content_type: str, **headers: str) -> Page:
        """Send a body."""
        return self.ask("POST", path, body, {"content-type": content_type, **headers})

    def ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Page:
        """One request on a connection of its own. Header names are written with underscores."""
        place = urlsplit(self.address)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=20)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            given["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            connection.request(method, path, body, given)
            response = connection.getresponse()
            page = Page(response.status, {**response.headers}, response.read().decode())
        finally:
            connection.close()
        if cookie := response.headers["set-cookie"]:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return page


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    """The installation behind the console."""
    path = Path(tempfile.mkdtemp(prefix="iw-"))
    try:
        with serve(Home.from_environment({"IRONWORKS_HOME": str(path)}), Console) as running:
            yield running
    finally:
        shutil.rmtree(path)


@pytest.fixture
def link(wire: Wire) -> str:
    """The path of a new one-time link."""
    return f"{CONSOLE}/login?token={make_link_token(wire.keys.secret_access_key)}"


@pytest.fixture
def stranger(wire: Wire) -> Browser:
    """Somebody who has not signed in."""
    return Browser(wire.url)


@pytest.fixture
def browser(stranger: Browser, link: str) -> Browser:
    """Somebody who has."""
    assert stranger.get(link).status == 200
    return stranger
