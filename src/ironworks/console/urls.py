"""Where the console's pages are, without the host."""

from __future__ import annotations

from urllib.parse import quote, urlencode

PREFIX = "/_ironworks/console"


def link(*parts: str, **query: str | None) -> str:
    """The URL of a page; members of the query without a value are left out."""
    path = "/".join([PREFIX, *(quote(part, safe="") for part in parts)])
    given = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path
