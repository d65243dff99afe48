"""What a compilation asks for, and with which examples it is calibrated."""

from __future__ import annotations

import numpy as np
import pytest

from ironworks.compiler.options import CompileOptions
from ironworks.compiler.precision.request import expect_dtype, plan, sample_inputs
from ironworks.compiler.targets import find_target
from ironworks.errors import ClientError
from ironworks.runtime import Tensor

INPUTS = [Tensor("data", (2, 3), "float32")]
HERE, ARM = find_target("LINUX_X86_64"), find_target("rasp4b")
SAMPLE = {"data": np.ones((2, 3), np.float32)}
VALIDATION = {"data": np.zeros((7, 3)), "labels": np.zeros(7)}
CALIBRATION = {"data": np.ones((40, 3))}


def planned(precision, target=HERE, samples=(), **data):
    return plan(CompileOptions(precision, **data), target, INPUTS, samples)


@pytest.mark.parametrize(
    ("precision", "kinds"),
    [
        ("f32", ()),
        ("bf16", ("bf16",)),
        ("int8", ("int8", "int8-weights")),
        ("int8-weights", ("int8-weights",)),
        ("auto", ("bf16", "int8", "int8-weights")),
    ],
)
def test_a_precision_stands_for_these_candidates(precision, kinds):
    request = planned(precision, validation=VALIDATION)
    assert (request.precision, request.kinds, request.reason) == (precision, kinds, "")


def test_calibration_data_comes_first_then_validation_data_then_samples():
    both = planned("int8", samples=[SAMPLE], validation=VALIDATION, calibration=CALIBRATION)
    assert both.calibrated_with == "20 batches of the calibration data"
    assert (both.calibration[0]["data"] == 1).all() and len(both.calibration) == 20
    assert planned("int8", samples=[SAMPLE], validation=VALIDATION).calibrated_with == (
        "4 batches of the validation data"
    )
    assert planned("int8", samples=[SAMPLE]).calibrated_with == "1 sample"


def test_calibration_takes_no_more_batches_than_ranges_need():
    request = planned("int8", calibration={"data": np.ones((2000, 3))})
    assert len(request.calibration) == 512


def test_int8_without_examples_says_what_to_give():
    with pytest.raises(
        ClientError, match="needs examples.*calibration data, validation data or a sample.*int8-weights"
    ):
        planned("int8")
    assert planned("int8-weights").calibration == []


def test_auto_without_validation_data_is_float32_and_says_why():
    request = planned("auto", calibration=CALIBRATION)
    assert request.kinds == ()
    assert request.reason.startswith("float32, because there is no validation data")


def test_another_architecture_has_no_reduced_precision():
    with pytest.raises(
        ClientError, match="int8 cannot be built for rasp4b: .*run here as on aarch64. Ask for f32"
    ):
        planned("int8", ARM, validation=VALIDATION)
    request = planned("auto", ARM, validation=VALIDATION)
    assert request.kinds == () and "aarch64" in request.reason
    assert planned("f32", ARM).kinds == ()


def test_calibration_data_that_does_not_fit_is_refused():
    with pytest.raises(ClientError, match="The calibration data lacks data and names x"):
        planned("int8", calibration={"x": np.ones(3)})


def test_an_unknown_precision_is_refused():
    with pytest.raises(
        ClientError, match="no precision 'int4'. Ask for one of auto, f32, bf16, int8, int8-weights"
    ):
        CompileOptions("int4")


def test_samples_are_the_callers_or_else_the_first_of_the_data():
    options = CompileOptions(validation=VALIDATION, calibration=CALIBRATION)
    assert sample_inputs(options, INPUTS, [SAMPLE]) == [SAMPLE]
    assert [item["data"].sum() for item in sample_inputs(options, INPUTS, [])] == [0] * 4
    calibrated = sample_inputs(CompileOptions(calibration=CALIBRATION), INPUTS, [])
    assert [item["data"].sum() for item in calibrated] == [6] * 16
    assert sample_inputs(CompileOptions(), INPUTS, []) == []


def test_the_dtype_that_a_caller_names_is_the_models():
    expect_dtype(INPUTS, None)
    expect_dtype(INPUTS, "float32")
    with pytest.raises(ClientError, match=r"the dtype int64 .* takes data \[2, 3\] float32. Leave dtype out"):
        expect_dtype(INPUTS, "int64")
