"""Requests as documents that can be stored: JSON, with moments as seconds since 1970."""

from __future__ import annotations

from datetime import datetime
from typing import Any


def to_document(params: dict[str, Any]) -> dict[str, Any]:
    """The parsed members of a request in the form that the database keeps."""
    return {name: _plain(value) for name, value in params.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return to_document(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.timestamp() if isinstance(value, datetime) else value
