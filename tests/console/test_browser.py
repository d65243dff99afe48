"""The console in Chromium, before a model that was really trained, compiled and deployed."""

from __future__ import annotations

import gzip
import io
import json
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.installation import Installation, final
from tests.console import mnist
from tests.console.chromium import chromium, draw_seven, place, signed_in

ENDPOINT = f"endpoints/{mnist.NAME}"
PLACES = {
    "overview": "",
    "training-jobs": "jobs/training",
    "training-job": f"jobs/training/{mnist.NAME}",
    "compilation-jobs": "jobs/compilation",
    "compilation-job": f"jobs/compilation/{mnist.NAME}",
    "models": "models",
    "model": f"models/{mnist.NAME}",
    "endpoints": "endpoints",
    "endpoint": ENDPOINT,
    "playground": f"{ENDPOINT}/playground",
    "question": f"{ENDPOINT}/delete",
}


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    """An installation with the notebook's model on an endpoint."""
    installation = Installation()
    try:
        installation.up()
        mnist.prepare(installation)
        yield installation
    finally:
        installation.remove()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, installation: Installation) -> Iterator[Page]:
    with signed_in(browser, installation) as page:
        yield page


@pytest.fixture
def playground(page: Page) -> Page:
    page.goto(place(page, f"{ENDPOINT}/playground"))
    return page


@pytest.fixture(scope="module")
def seven(installation: Installation) -> np.ndarray:
    """The first test image, 28 × 28 of 0 … 255, which is a 7."""
    key = "mxnet/mnist/test/images.gz"
    body = installation.client("s3").get_object(Bucket=mnist.SAMPLE_DATA, Key=key)["Body"].read()
    return np.frombuffer(gzip.decompress(body), np.uint8, offset=16)[:784].reshape(28, 28)


def png(image: np.ndarray) -> bytes:
    """A grey picture as PNG (RFC 2083)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = image.shape
    rows = b"".join(b"\0" + row.tobytes() for row in image)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def ask(page: Page, button: str = "Ask the model") -> None:
    page.get_by_role("button", name=button, exact=True).click()


def test_a_drawn_seven_is_seen_as_a_seven(playground: Page) -> None:
    draw_seven(playground)
    ask(playground)
    expect(playground.locator("#best")).to_have_text("7")
    expect(playground.locator("#answer .bars li")).to_have_count(10)
    expect(playground.locator("#answer .won .name")).to_have_text("7")
    expect(playground.locator(".verdict")).to_contain_text("ms, by AllTraffic")


def test_a_drawing_is_put_by_its_centre_of_mass_into_a_box_of_20(playground: Page) -> None:
    draw_seven(playground)
    digit = np.array(json.loads(playground.locator("input[name=pixels]").input_value())).reshape(28, 28)
    rows, columns = np.nonzero(digit)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    mass = digit.sum()
    center = (digit.sum(axis=1) @ np.arange(28) / mass, digit.sum(axis=0) @ np.arange(28) / mass)
    assert np.allclose(center, 13.5, atol=0.51)
    assert digit.max() == 1 and np.mean((digit > 0) & (digit < 1)) > 0.05  # soft at its edges


def test_an_empty_canvas_says_what_to_do(playground: Page) -> None:
    ask(playground)
    expect(playground.get_by_role("alert")).to_contain_text("Nothing is drawn yet")


def test_a_cleared_canvas_is_empty_again(playground: Page) -> None:
    draw_seven(playground)
    playground.get_by_role("button", name="Clear").click()
    ask(playground)
    expect(playground.get_by_role("alert")).to_contain_text("Nothing is drawn yet")


@pytest.mark.parametrize("inverted", [False, True], ids=["white on black", "black on white"])
def test_a_picture_of_a_seven_is_seen_as_a_seven(playground: Page, seven: np.ndarray, inverted: bool) -> None:
    large = np.kron(seven, np.ones((5, 5), np.uint8))
    picture = np.pad(255 - large if inverted else large, ((40, 10), (0, 90)), mode="edge")
    playground.set_input_files("#image", {"name": "7.png", "mimeType": "image/png", "buffer": png(picture)})
    expect(playground.locator("input[name=pixels]")).not_to_have_value("")
    ask(playground)
    expect(playground.locator("#best")).to_have_text("7")


def test_json_and_npy_are_sent_as_they_are(playground: Page, seven: np.ndarray) -> None:
    row = (seven.reshape(1, 784) / np.float32(255)).astype(np.float32)
    playground.fill("#text", json.dumps(row.tolist()))
    ask(playground, "Send")
    expect(playground.locator("#best")).to_have_text("7")
    playground.fill("#text", "[1, 2]")
    ask(playground, "Send")
    expect(playground.get_by_role("alert")).to_contain_text("784")
    file = io.BytesIO()
    np.save(file, row)
    chosen = {"name": "7.npy", "mimeType": "application/octet-stream", "buffer": file.getvalue()}
    playground.set_input_files("input[name=file]", chosen)
    ask(playground, "Send")
    expect(playground.locator("#best")).to_have_text("7")


def test_a_payload_needs_no_javascript(
    browser: Browser, installation: Installation, seven: np.ndarray
) -> None:
    with signed_in(browser, installation, java_script_enabled=False) as page:
        page.goto(place(page, f"{ENDPOINT}/playground"))
        page.fill("#text", json.dumps((seven.reshape(1, 784) / 255).tolist()))
        ask(page, "Send")
        expect(page.locator("#best")).to_have_text("7")
        page.goto(place(page, f"{ENDPOINT}/delete"))
        page.get_by_role("link", name="Cancel").click()
        expect(page).to_have_url(place(page, ENDPOINT))


def test_a_job_is_watched_to_its_end_without_loading_the_page_again(
    page: Page, installation: Installation
) -> None:
    mnist.train(installation, "watched", f"s3://{mnist.BUCKET}/sourcedir.tar.gz", epochs=2)
    page.goto(place(page, "jobs/training/watched"))
    page.evaluate("window.loadedOnce = true")
    expect(page.locator("#log")).to_contain_text("Epoch[1] Validation-accuracy", timeout=60_000)
    expect(page.locator(".title .status")).to_have_text("Completed", timeout=30_000)
    expect(page.locator("figure.curves figcaption")).to_have_text("accuracy")
    expect(page.locator("#log-more")).not_to_have_attribute("hx-get", "", timeout=10_000)
    assert page.evaluate("window.loadedOnce")


def test_a_job_is_stopped_after_a_question(page: Page, installation: Installation) -> None:
    sagemaker = installation.client("sagemaker")
    mnist.train(installation, "unwanted", f"s3://{mnist.BUCKET}/sourcedir.tar.gz", epochs=1000)
    page.goto(place(page, "jobs/training/unwanted"))
    page.get_by_role("link", name="Stop").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Stop the training job unwanted?")
    page.get_by_role("button", name="Stop the job").click()
    done = final(lambda: sagemaker.describe_training_job(TrainingJobName="unwanted"), "TrainingJobStatus")
    assert done["TrainingJobStatus"] == "Stopped"
    expect(page.locator(".title .status")).to_have_text("Stopped", timeout=30_000)


def test_instances_are_added_and_taken_away_by_a_form(page: Page) -> None:
    page.goto(place(page, ENDPOINT))
    ready = page.get_by_role("table").first.locator("tbody tr td").last
    for count in (2, 1):
        page.get_by_label("Instances", exact=True).fill(str(count))
        page.get_by_role("button", name="Change").click()
        expect(ready).to_have_text(f"{count} of {count}", timeout=30_000)
        expect(page.locator(".title .status")).to_have_text("InService", timeout=30_000)
        page.reload()


def test_the_compilation_says_why_the_winner_won(page: Page) -> None:
    page.goto(place(page, f"jobs/compilation/{mnist.NAME}"))
    expect(page.get_by_role("heading", name="Candidates")).to_be_visible()
    expect(page.locator("#live")).to_contain_text("that are equal to the original")
    expect(page.get_by_role("table", name="Differences from MXNet 1.9.1")).to_be_visible()
    expect(page.locator("svg.graph")).to_have_count(2)


def test_the_theme_follows_the_system_until_it_is_chosen(
    browser: Browser, installation: Installation
) -> None:
    def paper(page: Page) -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    with signed_in(browser, installation, color_scheme="dark") as page:
        dark = paper(page)
        page.get_by_role("button", name="Light").click()
        expect(page.get_by_role("button", name="Light")).to_have_attribute("aria-pressed", "true")
        light = paper(page)
        page.get_by_role("button", name="Auto").click()
        expect(page.get_by_role("button", name="Auto")).to_have_attribute("aria-pressed", "true")
        assert (dark, light, paper(page)) == ("rgb(22, 24, 28)", "rgb(255, 255, 255)", "rgb(22, 24, 28)")


def test_the_keyboard_reaches_the_content_first_and_then_every_part(playground: Page) -> None:
    playground.keyboard.press("Tab")
    expect(playground.locator(":focus")).to_have_text("To the content")
    playground.keyboard.press("Enter")
    reached = []
    for _ in range(12):
        playground.keyboard.press("Tab")
        reached.append(playground.evaluate("document.activeElement.id || document.activeElement.textContent"))
    for part in ("image", "range", "Ask the model", "clear", "text", "Send"):
        assert part in reached


def test_the_keyboard_keeps_its_place_in_a_part_that_is_live(page: Page) -> None:
    page.goto(place(page, ENDPOINT))
    page.evaluate("document.querySelector('#live').dataset.first = 'yes'")
    button = page.get_by_role("link", name="Playground")
    page.keyboard.press("Tab")
    while not button.evaluate("link => link === document.activeElement"):
        page.keyboard.press("Tab")
    page.wait_for_timeout(3000)
    expect(button).to_be_focused()
    page.keyboard.press("Tab")
    page.evaluate("document.activeElement.blur()")
    expect(page.locator("#live")).not_to_have_attribute("data-first", "yes", timeout=10_000)


def test_signing_out_leads_to_how_to_sign_in(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PLACES)
def test_pages_are_accessible(browser: Browser, installation: Installation, name: str, scheme: str) -> None:
    with signed_in(browser, installation, color_scheme=scheme) as page:
        page.goto(place(page, PLACES[name]))
        found = Axe().run(page).response["violations"]
        assert [
            (rule["id"], rule["impact"], [node["html"] for node in rule["nodes"]][:3]) for rule in found
        ] == []


def test_nothing_is_wider_than_a_telephone(browser: Browser, installation: Installation) -> None:
    with signed_in(browser, installation, viewport={"width": 360, "height": 740}) as page:
        for path in PLACES.values():
            page.goto(place(page, path))
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


@pytest.mark.parametrize("label", ["curl", "boto3", "Ironworks' SDK"])
def test_the_lines_to_copy_work(
    page: Page, installation: Installation, seven: np.ndarray, tmp_path: Path, label: str
) -> None:
    row = (seven.reshape(1, 784) / 255).tolist()
    page.goto(place(page, ENDPOINT))
    lines = page.get_by_label(label, exact=True).inner_text()
    (tmp_path / "data.json").write_text(json.dumps(row))
    (tmp_path / "lines.py").write_text(f"data = {row}\n{lines}")
    command = ["bash", "-c", lines] if label == "curl" else [sys.executable, "lines.py"]
    ran = subprocess.run(
        installation.shell(*command),
        env=installation.environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    numbers = [float(number) for number in re.findall(r"\d+\.\d+(?:e-?\d+)?", ran.stdout)]
    assert len(numbers) == 10 and np.argmax(numbers) == 7
