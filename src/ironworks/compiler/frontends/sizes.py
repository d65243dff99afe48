"""How large a model may be."""

from __future__ import annotations

from ironworks.errors import ClientError

LARGEST = 2**31 - 2**20
"""Bytes of a model in one message of ONNX (protobuf's limit is 2 GiB), with some room for what is not weights."""


def refuse_too_large(size: int, name: str) -> None:
    """Do nothing if a model of `size` bytes fits into one message.

    Raises:
        ClientError: it does not.
    """
    if size > LARGEST:
        raise ClientError(
            f"{name} has {size / 2**30:.2f} GiB of weights, and models of less than 2 GiB can be compiled. Export "
            "it with weights of half precision or int8, or in parts, or deploy the model uncompiled."
        )
