"""Draw a digit with the mouse in a real notebook, and have it predicted."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from playwright.sync_api import Locator, Page, sync_playwright
from tests.acceptance.interpreters import CACHE
from tests.acceptance.notebooks import browser_path, jupyter, write_notebook

import ironworks as iw
from ironworks.datasets.mnist import Mnist

SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]
"""Corners of the stroke, in parts of the box."""


def sample(files: dict[str, Path], channel: str, kind: str, header: int) -> np.ndarray:
    return np.frombuffer(
        gzip.decompress(files[f"mxnet/mnist/{channel}/{kind}.gz"].read_bytes()), np.uint8, offset=header
    )


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A softmax regression of MNIST, which is right on nine images of ten, compiled."""
    files = Mnist(CACHE / "datasets").files(lambda *_: None)
    images = sample(files, "train", "images", 16).reshape(-1, 784).astype(np.float32) / 255
    wanted = np.eye(10, dtype=np.float32)[sample(files, "train", "labels", 8)]
    weights, order = np.zeros((784, 10), np.float32), np.random.default_rng(0)
    for _ in range(600):
        batch = order.integers(0, len(images), 500)
        scores = np.exp(images[batch] @ weights)
        weights += images[batch].T @ (wanted[batch] - scores / scores.sum(1, keepdims=True)) / 1000
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["data", "w"], ["s"]), helper.make_node("Softmax", ["s"], ["softmax"])],
        "digits",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 784])],
        [helper.make_tensor_value_info("softmax", TensorProto.FLOAT, [1, 10])],
        [numpy_helper.from_array(weights, "w")],
    )
    folder = tmp_path_factory.mktemp("digits")
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9),
        folder / "digits.onnx",
    )
    return iw.compile(
        folder / "digits.onnx", {"data": [1, 784]}, "ml_c5", output=folder / "digits.tar.gz"
    ).path


@pytest.fixture(scope="module")
def server(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("notebooks")
    predict = f"model = iw.load({str(artifact)!r})\nprint('digit', int(model.run(box.value)[0].argmax()))"
    write_notebook(folder / "widget.ipynb", ["import ironworks as iw\nbox = iw.draw()\nbox", predict])
    write_notebook(
        folder / "classic.ipynb", ["import ironworks as iw\nbox = iw.draw(classic=True)\nbox", predict]
    )
    with jupyter(folder) as address:
        yield address


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(60_000)
        yield page
        browser.close()


def draw_a_seven(page: Page, paper: Locator) -> None:
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in SEVEN]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=12)
    page.mouse.up()


def wait_for_the_preview(page: Page, *, ink: bool) -> None:
    """Until the picture of what the model sees has white in it, or none any more."""
    page.wait_for_function(
        """wanted => {
            const pixels = document.querySelector(".ironworks-seen").getContext("2d").getImageData(0, 0, 28, 28).data;
            return pixels.some((value, i) => i % 4 < 3 && value > 200) === wanted;
        }""",
        arg=ink,
    )


@pytest.mark.parametrize(
    "path", ["lab/tree/widget.ipynb", "notebooks/widget.ipynb"], ids=["lab", "notebook-7"]
)
def test_a_drawn_seven_is_predicted(server: str, page: Page, path: str) -> None:
    page.goto(f"{server}/{path}")
    cells = page.locator(".jp-CodeCell")
    cells.nth(1).wait_for()
    cells.nth(0).locator(".jp-InputArea-editor").click()
    page.keyboard.press("Shift+Enter")
    paper = page.locator(".ironworks-paper")
    paper.wait_for()
    page.keyboard.press("Shift+Enter")
    outcome = cells.nth(1).locator(".jp-OutputArea-output").last
    outcome.get_by_text("Nothing has been drawn yet. Draw a digit in the box above").first.wait_for()
    draw_a_seven(page, paper)
    wait_for_the_preview(page, ink=True)
    cells.nth(1).locator(".jp-InputArea-editor").click()
    page.keyboard.press("Shift+Enter")
    outcome.get_by_text("digit 7").wait_for()
    page.get_by_role("button", name="Clear", exact=True).click()
    wait_for_the_preview(page, ink=False)


def test_a_seven_drawn_in_the_classic_notebook_is_predicted(server: str, page: Page) -> None:
    page.goto(f"{server}/nbclassic/notebooks/classic.ipynb")
    page.wait_for_function(
        "() => window.IPython && IPython.notebook.kernel && IPython.notebook.kernel.is_connected()"
    )
    page.evaluate("() => IPython.notebook.execute_cells([0])")
    paper = page.locator(".ironworks-paper")
    paper.wait_for()
    draw_a_seven(page, paper)
    wait_for_the_preview(page, ink=True)
    page.evaluate("() => IPython.notebook.execute_cells([1])")
    page.locator(".output").get_by_text("digit 7").wait_for()
