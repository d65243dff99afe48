"""What the inference toolkit gives as a last argument to hooks that ask for one.

The names are those of Multi Model Server's `Context` and its request processor, as far as hooks use them. There is one
object for the life of an instance, and one request at a time in it, because one thread runs the hooks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ironworks.serving.invocation import JSON, Invocation


class Context:
    """The model, and the request that is being answered."""

    def __init__(self, directory: Path) -> None:
        self.model_name = "model"
        self.manifest: dict[str, Any] = {}
        self.system_properties = {
            "model_dir": str(directory),
            "gpu_id": None,
            "batch_size": 1,
            "server_name": "ironworks",
            "server_version": "1",
        }
        self.request_processor = [RequestProcessor()]

    def begin(self, invocation: Invocation) -> None:
        """From now on this is the request."""
        self.request_processor[0].begin(invocation)

    @property
    def status(self) -> int:
        """What the hooks set for the request, else 200."""
        return self.request_processor[0].status

    def get_request_header(self, idx: int, key: str) -> str | None:
        """A header of the request, whatever its case. Those that reach an instance: Content-Type and Accept."""
        headers = {name.lower(): value for name, value in self.get_all_request_header(idx).items()}
        return headers.get(key.lower())

    def get_all_request_header(self, idx: int) -> dict[str, str]:
        """All of them."""
        return self.request_processor[idx].get_request_properties()

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        """The HTTP status of the answer."""
        self.request_processor[idx].report_status(code, phrase)

    def set_response_content_type(self, idx: int, value: str) -> None:
        """Has no effect, as in the toolkit: it sets the content type after the hooks."""

    def get_response_content_type(self, idx: int) -> str:
        """What the request asks for."""
        return self.request_processor[idx].get_request_properties()["Accept"]


class RequestProcessor:
    """One request of a batch; batches have one."""

    def __init__(self) -> None:
        self._invocation = Invocation(b"", JSON, JSON)
        self.status = 200

    def begin(self, invocation: Invocation) -> None:
        """From now on this is the request."""
        self._invocation = invocation
        self.status = 200

    def get_request_properties(self) -> dict[str, str]:
        """The headers of the request."""
        return {"Content-Type": self._invocation.content_type, "Accept": self._invocation.accept}

    def get_request_property(self, key: str) -> str | None:
        """One of them."""
        return self.get_request_properties().get(key)

    def report_status(self, code: int, reason_phrase: str | None = None) -> None:  # noqa: ARG002
        """The HTTP status of the answer; its phrase is always HTTP's own."""
        self.status = int(code)
