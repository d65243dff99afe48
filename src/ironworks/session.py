"""`from ironworks.session import Session`, where code written for `sagemaker.session` looks for it."""

from ironworks.sdk.session import Session

__all__ = ["Session"]
