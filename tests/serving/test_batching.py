from __future__ import annotations

import io
import json
import threading
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ironworks.runtime import Tensor
from ironworks.serving.batching import in_batches
from ironworks.serving.compute import Compute
from ironworks.serving.errors import StartupError
from ironworks.serving.hooks import make_handler
from tests.serving.processes import Instances
from tests.serving.test_instance import ask

NPY = "application/x-npy"


class Adding:
    """Stands for a compiled model that takes rows of two numbers and gives their sums. 13 is too much for it."""

    batch_sizes = (1, 4)
    inputs = (Tensor("data", (-1, 2), "float32"),)
    outputs = (Tensor("sum", (-1, 1), "float32"),)

    def __init__(self) -> None:
        self.rows: list[int] = []

    def run(self, data: Any) -> list[np.ndarray]:
        array = np.asarray(data["data"] if isinstance(data, dict) else data)
        self.rows.append(len(array))
        if array.ndim != 2 or array.shape[1] != 2 or (array == 13).any():
            raise ValueError("no")
        return [array.sum(1, keepdims=True)]


def module(source: str) -> ModuleType:
    made = ModuleType("hosting_script")
    exec(source, made.__dict__)
    return made


def batching(model: Any, source: str | None = None) -> Compute:
    return in_batches(make_handler(module(source) if source else None, Path("model"), lambda _: model), 8)


def request(values: object, dtype: str = "float32") -> tuple[bytes, str, str]:
    stream = io.BytesIO()
    np.save(stream, np.asarray(values, dtype))
    return stream.getvalue(), NPY, ""


def answers(compute: Compute, *requests: tuple[bytes, str, str]) -> list[Any]:
    """What each is answered, or its status."""
    return [json.loads(body) if status == 200 else status for status, _, body, _ in compute(requests)]


def test_invocations_are_computed_in_one_run_and_each_gets_its_own_rows() -> None:
    model = Adding()
    found = answers(batching(model), request([[1, 2]]), request([[3, 4], [5, 6]]), request([7, 8]))
    assert found == [[[3]], [[7], [11]], [[15]]]
    assert model.rows == [4]


def test_each_is_told_what_the_whole_run_took() -> None:
    times = {nanoseconds for *_, nanoseconds in batching(Adding())([request([1, 2]), request([3, 4])])}
    assert len(times) == 1
    assert times.pop() > 0


def test_numbers_of_different_types_are_not_joined() -> None:
    model = Adding()
    found = answers(batching(model), request([1, 2]), request([3, 4], "int64"), request([5, 6]))
    assert found == [[[3]], [[7]], [[11]]]
    assert sorted(model.rows) == [1, 2]


def test_one_that_cannot_be_read_or_does_not_fit_fails_alone() -> None:
    compute = batching(Adding())
    assert answers(compute, request([1, 2]), (b"x", NPY, ""), request([1, 2, 3]), (b"x", "a/b", "")) == [
        [[3]],
        400,
        400,
        415,
    ]


def test_one_that_the_model_refuses_fails_alone() -> None:
    model = Adding()
    assert answers(batching(model), request([1, 2]), request([13, 2]), request([5, 6])) == [
        [[3]],
        400,
        [[11]],
    ]
    assert model.rows == [3, 1, 1, 1]


def test_neo_hooks_are_called_for_each() -> None:
    hooks = """
def neo_preprocess(payload, content_type): return [[int(number) for number in payload.split()]]
def neo_postprocess(result): return str(10 // int(result[0, 0] - 3)), "text/plain"
"""
    made = batching(Adding(), hooks)([(b"1 3", "", ""), (b"1 2", "", ""), (b"a b", "", ""), (b"4 1", "", "")])
    assert [(status, body) for status, _, body, _ in made if status == 200] == [(200, b"10"), (200, b"5")]
    assert [status for status, *_ in made] == [200, 500, 400, 200]


def test_functions_that_run_the_model_themselves_cannot_be_joined() -> None:
    with pytest.raises(StartupError, match="Define neo_preprocess and neo_postprocess instead"):
        batching(Adding(), "def transform_fn(model, data, content_type, accept): return b''")


def test_a_model_for_one_number_of_rows_cannot_be_joined() -> None:
    with pytest.raises(StartupError, match="ironworks compile --batch 1,8"):
        batching(SimpleNamespace(inputs=Adding.inputs, outputs=Adding.outputs, batch_sizes=()))


def test_an_instance_answers_several_clients_by_few_runs(
    compiled_for_any_rows: Path, instances: Instances
) -> None:
    instance = instances.start(
        compiled_for_any_rows, IRONWORKS_MAX_BATCH="4", IRONWORKS_MAX_DELAY_MS="1000"
    ).until_ready()
    found: list[tuple[int, bytes]] = []

    def client(number: int) -> None:
        body = json.dumps([number, 0, 0, 0]).encode()
        found.append(ask(instance, "POST", "/invocations", body, Content_Type="application/json"))

    clients = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join(20)
    assert [status for status, _ in found] == [200] * 8
    assert len({body for _, body in found}) == 8


def test_an_instance_whose_model_cannot_be_joined_is_refused(compiled: Path, instances: Instances) -> None:
    instance = instances.start(compiled, IRONWORKS_MAX_BATCH="4")
    assert instance.process.wait(20) == 1
    assert "the model was compiled for one number of rows" in instance.output.splitlines()[-1]
