"""A box of both kinds, without a browser."""

from __future__ import annotations

import base64
import re
import sys

import numpy as np
import pytest

import ironworks as iw
from ironworks.datasets.digits import centred
from ironworks.sdk.drawing import page
from ironworks.sdk.drawing.page import ClassicDrawBox
from ironworks.sdk.drawing.widget import DrawBox

INK = np.zeros((140, 140), np.uint8)
INK[20:120, 60:72] = 255
DIGIT = centred(INK / np.float32(255))


def drawn(box):
    if isinstance(box, DrawBox):
        box.ink = memoryview(INK.tobytes())  # as a browser's message brings it
    else:
        box.draw(INK.tobytes())


@pytest.fixture(params=[False, True], ids=["widget", "classic"])
def classic(request):
    return request.param


def test_the_value_is_what_was_drawn_in_the_shape_asked_for(classic):
    box = iw.draw((1, 1, 28, 28), classic=classic)
    drawn(box)
    np.testing.assert_array_equal(box.value, DIGIT.reshape(1, 1, 28, 28))
    assert iw.draw(classic=classic)._drawing.shape == (1, 784)


def test_an_empty_box_says_what_to_do(classic):
    box = iw.draw(classic=classic)
    with pytest.raises(iw.NothingDrawn, match=r"Draw a digit in the box above, then run this cell again"):
        box.value  # noqa: B018
    drawn(box)
    if isinstance(box, DrawBox):
        box.ink = b""
    else:
        box.draw(bytes(140 * 140))
    with pytest.raises(iw.NothingDrawn):
        box.value  # noqa: B018


def test_a_shape_of_another_size_is_refused(classic):
    with pytest.raises(
        iw.ClientError, match=r"28 × 28 pixels, so it cannot have the shape \(3, 3\), which has 9"
    ):
        iw.draw((3, 3), classic=classic)


def test_the_widget_shows_what_the_model_sees():
    box = iw.draw()
    drawn(box)
    assert isinstance(box, DrawBox)
    assert np.frombuffer(box.seen, np.uint8).max() == 255 and len(box.seen) == 784
    box.ink = b""
    assert box.seen == b""


def test_the_page_calls_a_function_that_finds_its_box():
    box = ClassicDrawBox()
    html = box._repr_html_()
    module, name = re.search(r'__import__\("([\w.]+)", .*\.receive\("([\w-]+)"', html).groups()
    assert module == page.__name__
    seen = base64.b64decode(page.receive(name, base64.b64encode(INK.tobytes()).decode()))
    assert seen == (DIGIT * 255).astype(np.uint8).tobytes()
    np.testing.assert_array_equal(box.value, DIGIT.reshape(1, 784))


def test_the_page_of_a_box_that_is_gone_draws_into_nothing():
    assert page.receive("ironworks-gone", "") == ""


def test_ink_of_another_size_is_refused():
    with pytest.raises(iw.ClientError, match="140 × 140 bytes, and these are 3"):
        ClassicDrawBox().draw(b"abc")


def test_without_anywidget_there_is_the_page(monkeypatch):
    monkeypatch.setitem(sys.modules, "ironworks.sdk.drawing.widget", None)
    assert isinstance(iw.draw(), ClassicDrawBox)
