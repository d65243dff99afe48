"""Images are read by repository and tag, whichever account they are said to lie in."""

from __future__ import annotations

import pytest

from ironworks.training.images import Image


@pytest.mark.parametrize(
    ("uri", "framework", "version", "gpu"),
    [
        ("763104351884.dkr.ecr.us-west-2.amazonaws.com/mxnet-training:1.4.1-cpu-py3", "mxnet", "1.4.1", False),
        ("1.ecr/mxnet-training:1.9.0-gpu-py38-cu112-ubuntu20.04-sagemaker", "mxnet", "1.9.0", True),
        ("520713654638.dkr.ecr.us-west-2.amazonaws.com/sagemaker-mxnet:1.3-cpu-py3", "mxnet", "1.3", False),
        ("763104351884.dkr.ecr.us-west-2.amazonaws.com/mxnet-inference:1.4.1-cpu-py3", "mxnet", "1.4.1", False),
        ("520713654638.dkr.ecr.us-west-2.amazonaws.com/sagemaker-mxnet-serving:1.4.0-cpu-py3", "mxnet", "1.4.0", False),
        ("1.ecr/mxnet-inference-eia:1.7.0-cpu-py3", "mxnet", "1.7.0", False),
        ("301217895009.dkr.ecr.us-west-2.amazonaws.com/sagemaker-inference-mxnet:1.8-cpu-py3", "mxnet", "1.8", False),
        ("python:3.11-slim", "python", "3.11", False),
        ("python", "python", "", False),
        ("localhost:5000/python:latest", "python", "", False),
    ],
)  # fmt: skip
def test_repository_and_tag_say_what_is_asked_for(uri: str, framework: str, version: str, gpu: bool) -> None:
    assert Image.parse(uri) == Image(uri, framework, version, gpu)
