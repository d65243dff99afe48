"""A headless Chromium of the system, signed in to the console of an installation."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.acceptance.installation import Installation


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The browser. `tests/system_packages.sh` installs it."""
    path = shutil.which("chromium")
    assert path, "Chromium is not installed: run tests/system_packages.sh, or put `chromium` on the PATH"
    with sync_playwright() as playwright:
        # Its own sandbox cannot be had as root, and it sees nothing but pages of ours.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def _complains(message: ConsoleMessage) -> bool:
    """Whether a message is of something that should not be; the page that says how to sign in is meant."""
    return message.type == "error" and "status of 401" not in message.text


@contextlib.contextmanager
def signed_in(browser: Browser, installation: Installation, **options: Any) -> Iterator[Page]:
    """A page that shows the overview. What the browser complained about at the end fails the test."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
    try:
        page = context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if _complains(message) else None)
        page.goto(installation.ironworks("console", "--no-open").strip())
        page.wait_for_url("**/us-west-2/")
        yield page
        assert complaints == [], complaints
    finally:
        context.close()


def place(page: Page, path: str) -> str:
    """The URL of a path below the region, of the console that the page shows."""
    return page.url.split("/us-west-2")[0] + f"/us-west-2/{path}"


def draw_seven(page: Page) -> None:
    """Draw a 7 with the mouse."""
    box = page.locator("#pad").bounding_box()
    assert box is not None
    x, y = box["x"], box["y"]
    page.mouse.move(x + 80, y + 70)
    page.mouse.down()
    page.mouse.move(x + 200, y + 70, steps=8)
    page.mouse.move(x + 130, y + 220, steps=12)
    page.mouse.up()
