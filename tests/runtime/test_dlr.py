"""DLR's API."""

from __future__ import annotations

import numpy as np
import pytest

from ironworks.runtime import ArtifactError
from ironworks.runtime.dlr import DLRModel


def test_code_written_for_dlr_runs(adder):
    model = DLRModel(str(adder()), dev_type="cpu")
    tensors = [(tensor.name, tensor.dtype) for tensor in model._model.inputs]
    assert list(zip(model.get_input_names(), model.get_input_dtypes(), strict=True)) == tensors
    assert model.get_output_names() == ["sum"]
    assert model.get_output_dtypes() == ["float32"]
    arrays = {tensor.name: np.ones(tensor.shape, np.float32) for tensor in model._model.inputs}
    (answer,) = model.run(arrays)
    np.testing.assert_array_equal(answer, 2)
    assert model.get_output(0) is answer
    assert model.get_input(model.get_input_names()[0]) is arrays[model.get_input_names()[0]]
    assert model.get_version().count(".") == 2


def test_another_device_than_the_cpu_is_refused(adder):
    with pytest.raises(ArtifactError, match="The device gpu 0 is not there"):
        DLRModel(adder(), dev_type="gpu")
