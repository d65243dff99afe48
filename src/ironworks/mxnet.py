"""`from ironworks.mxnet import MXNet`, where code written for `sagemaker.mxnet` looks for it."""

from ironworks.sdk.estimator import MXNet

__all__ = ["MXNet"]
