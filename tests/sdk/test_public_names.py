"""`import ironworks as iw`: what it offers, and what it says of what it does not."""

from __future__ import annotations

import pytest

import ironworks as iw
import ironworks.mxnet
import ironworks.session


@pytest.mark.parametrize("name", iw.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(iw, name) is not None
    assert name in dir(iw)


def test_names_and_where_they_are_agree() -> None:
    assert sorted(["__version__", *iw._MODULES]) == sorted(iw.__all__)


def test_modules_are_called_as_those_of_the_sagemaker_sdk() -> None:
    assert ironworks.mxnet.MXNet is iw.MXNet
    assert ironworks.session.Session is iw.Session


@pytest.mark.parametrize("name", ["XGBoost", "PyTorch", "TensorFlow", "SKLearn"])
def test_an_estimator_that_is_not_there_says_what_is(name: str) -> None:
    assert not hasattr(iw, name)
    with pytest.raises(
        AttributeError, match=rf"does not train with {name}: there are iw.MXNet, and iw.Estimator"
    ):
        getattr(iw, name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = iw.nothing
