"""The fields of a form that a browser sent: URL-encoded, or `multipart/form-data` with files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import parse_qsl

LARGEST_FORM = 8 * 1024 * 1024
"""Bytes: a payload of 6 MiB, which is the most that an endpoint takes, as text."""


class BadForm(ValueError):
    """The body is not a form."""


@dataclass(frozen=True)
class File:
    """A file that was chosen."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Form:
    """What was filled in; a field that is missing is an empty text, a file that is missing is None."""

    texts: Mapping[str, str]
    files: Mapping[str, File]

    def text(self, name: str) -> str:
        """A field's text."""
        return self.texts.get(name, "")

    def file(self, name: str) -> File | None:
        """A chosen file."""
        return self.files.get(name)


def parse(body: bytes, content_type: str) -> Form:
    """Read a form.

    Raises:
        BadForm: the content type is no form's, or the body does not fit it.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        try:
            return Form(dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=100)), {})
        except ValueError as error:
            raise BadForm(f"The form cannot be read: {error}.") from error
    if kind == "multipart/form-data":
        return _multipart(body, content_type)
    raise BadForm(f"A form is expected, not {kind or 'a body without a content type'}.")


def _multipart(body: bytes, content_type: str) -> Form:
    # Parts of a form are the parts of a message (RFC 7578), which the standard library reads.
    message = BytesParser(policy=HTTP).parsebytes(
        b"content-type: " + content_type.encode("latin-1") + b"\r\n\r\n" + body
    )
    if not message.is_multipart() or message.defects:
        raise BadForm("The form's parts cannot be read.")
    texts: dict[str, str] = {}
    files: dict[str, File] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(content, bytes):
            raise BadForm("A part of the form has no name.")
        file_name = part.get_filename()
        if file_name is None:
            texts[name] = content.decode("utf-8", errors="replace")
        elif file_name or content:  # a browser sends an empty one where nothing was chosen
            files[name] = File(file_name, content)
    return Form(texts, files)
