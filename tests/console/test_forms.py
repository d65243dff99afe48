"""Reading what a browser sends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironworks.console.forms import BadForm, parse

BOUNDARY = "----WebKitFormBoundaryABC"


def multipart(*parts: tuple[str, str | None, bytes]) -> tuple[bytes, str]:
    """A body as Chromium writes it, and its content type; a part is its name, its file's name and its content."""
    body = b""
    for name, file, content in parts:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'
        if file is not None:
            head += f'; filename="{file}"\r\nContent-Type: application/octet-stream'
        body += head.encode() + b"\r\n\r\n" + content + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={BOUNDARY}"


def test_url_encoded_fields_are_read() -> None:
    form = parse(b"a=1&b=%C3%A4+x&c=", "application/x-www-form-urlencoded")
    assert (form.text("a"), form.text("b"), form.text("c"), form.text("d")) == ("1", "ä x", "", "")


def test_parts_are_read_as_texts_and_files() -> None:
    form = parse(*multipart(("text", None, "ä\n".encode()), ("file", "x.npy", b"\x93NUMPY")))
    assert form.text("text") == "ä\n"
    file = form.file("file")
    assert file is not None and (file.name, file.content) == ("x.npy", b"\x93NUMPY")


def test_a_file_that_was_not_chosen_is_none() -> None:
    assert parse(*multipart(("file", "", b""))).file("file") is None


@given(st.binary(max_size=300).filter(lambda content: BOUNDARY.encode() not in content))
def test_every_byte_of_a_file_comes_as_it_was(content: bytes) -> None:
    file = parse(*multipart(("file", "x", content))).file("file")
    assert file is not None and file.content == content


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{}", "application/json"),
        (b"", ""),
        (b"no parts", f"multipart/form-data; boundary={BOUNDARY}"),
        (b"x", "multipart/form-data"),
        (b"&".join([b"a=1"] * 101), "application/x-www-form-urlencoded"),
        (b"\xff=1", "application/x-www-form-urlencoded"),
    ],
)
def test_what_is_no_form_is_refused(body: bytes, content_type: str) -> None:
    with pytest.raises(BadForm):
        parse(body, content_type)
