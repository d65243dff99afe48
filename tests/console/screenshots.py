"""Pictures of every page of the console, light and dark: `python -m tests.console.screenshots [FOLDER]`.

They show a model that is trained, compiled, deployed and asked for some time, on an installation made for it.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from playwright.sync_api import Page

from tests.acceptance.installation import Installation
from tests.console import mnist
from tests.console.chromium import chromium, draw_seven, place, signed_in
from tests.console.test_browser import PLACES

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SECONDS_OF_TRAFFIC = 60


def main(folder: Path) -> None:
    """Prepare an installation and take the pictures."""
    installation = Installation()
    try:
        installation.up()
        mnist.prepare(installation)
        _ask_for_some_time(installation)
        with chromium() as browser:
            for scheme in ("light", "dark"):
                with signed_in(browser, installation, color_scheme=scheme) as page:
                    for name, path in PLACES.items():
                        page.goto(place(page, path))
                        if name == "playground":
                            _play(page)
                        page.screenshot(path=folder / f"console-{name}-{scheme}.png", full_page=True)
    finally:
        installation.remove()


def _ask_for_some_time(installation: Installation) -> None:
    """Requests at a rate that changes, so that there is something to see."""
    runtime = installation.client("sagemaker-runtime")
    body = json.dumps([[0.5] * 784])
    began = time.monotonic()
    while (passed := time.monotonic() - began) < SECONDS_OF_TRAFFIC:
        runtime.invoke_endpoint(EndpointName=mnist.NAME, ContentType="application/json", Body=body)
        time.sleep(0.004 if 20 < passed < 40 else 0.02)


def _play(page: Page) -> None:
    draw_seven(page)
    page.get_by_role("button", name="Ask the model").click()
    page.wait_for_selector("#best")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
