"""A session for tests that need no server: it remembers what it was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class Recorder:
    """Stands in for a session: keeps what is uploaded, and answers calls from a list."""

    region = "us-west-2"
    url = "http://127.0.0.1:1"

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.objects: dict[str, bytes] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._answers = list(answers)

    def default_bucket(self) -> str:
        return "bucket"

    def upload(self, path: Path | str, uri: str) -> str:
        self.objects[uri] = Path(path).read_bytes()
        return uri

    def download(self, uri: str, path: Path) -> Path:
        path.write_bytes(self.objects[uri])
        return path

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        self.calls.append((operation, parameters))
        return self._answers.pop(0)
