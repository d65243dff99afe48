"""MXNet's Modules and Gluon blocks, served in MXNet's own environment.

Runs where IRONWORKS_TEST_MXNET_PYTHON names an interpreter that has MXNet.
"""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ironworks

HERE = Path(__file__).parent
PYTHON = os.environ.get("IRONWORKS_TEST_MXNET_PYTHON", "")

pytestmark = pytest.mark.skipif(
    not PYTHON, reason="IRONWORKS_TEST_MXNET_PYTHON names no interpreter with MXNet"
)

Request = tuple[bytes, str, str]
Answers = list[tuple[int, str, bytes]]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the models."""
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([PYTHON, HERE / "make_mxnet_models.py", folder], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder from which this package, and nothing else, can be imported."""
    folder = tmp_path_factory.mktemp("packages")
    (folder / "ironworks").symlink_to(Path(ironworks.__file__).parent)
    return folder


@pytest.fixture
def run(packages: Path) -> Callable[..., Any]:
    """Serve an archive: the answers to some requests, or the text of the refusal."""

    def run(folder: Path, *requests: Request, program: str = "", **variables: str) -> Any:
        sent = [[base64.b64encode(body).decode(), kind, accept] for body, kind, accept in requests]
        ran = subprocess.run(
            [PYTHON, HERE / "in_mxnet.py", folder, *([program] if program else [])],
            input=json.dumps(sent),
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(packages), **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        found = json.loads(ran.stdout.splitlines()[-1])
        if isinstance(found, str):
            return found
        return [(status, kind, base64.b64decode(body)) for status, kind, body in found]

    return run


def as_json(value: Any) -> Request:
    return json.dumps(np.asarray(value).tolist()).encode(), "application/json", "application/json"


def as_npy(array: Any, accept: str = "application/json") -> Request:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue(), "application/x-npy", accept


def test_a_module_answers_as_mxnet_does_whatever_the_format_and_shape_of_its_rows(
    models: Path, run: Callable[..., Answers]
) -> None:
    rows, expected = np.load(models / "rows.npy"), np.load(models / "expected.npy")
    row = rows[0].ravel()
    csv = "\n".join(",".join(map(str, row.tolist())) for row in rows.reshape(4, 6))
    answers = run(
        models / "module",
        as_json(rows),
        as_npy(rows.astype(">f8"), "application/x-npy"),
        (csv.encode(), "text/csv", "text/csv"),
        as_npy(rows.reshape(4, 6)),
        *[as_json(row.reshape(shape)) for shape in ((6,), (1, 6), (2, 3), (1, 2, 3))],
    )

    assert [status for status, _, _ in answers] == [200] * 8
    assert [kind for _, kind, _ in answers[:3]] == ["application/json", "application/x-npy", "text/csv"]
    found = [json.loads(answers[0][2]), np.load(io.BytesIO(answers[1][2]))]
    found += [np.loadtxt(io.BytesIO(answers[2][2]), delimiter=","), json.loads(answers[3][2])]
    for answer in found:
        np.testing.assert_array_equal(np.float32(answer), expected)
    for _, _, body in answers[4:]:
        np.testing.assert_array_equal(np.float32(json.loads(body)), expected[:1])


def test_rows_are_computed_in_batches_of_the_size_that_is_asked_for(
    models: Path, run: Callable[..., Answers]
) -> None:
    rows = np.load(models / "rows.npy")
    ((_, _, body),) = run(models / "module", as_json(rows), SAGEMAKER_DEFAULT_MODEL_FIRST_DIMENSION_SIZE="3")
    np.testing.assert_allclose(json.loads(body), np.load(models / "expected.npy"), rtol=1e-5)


def test_payloads_that_a_module_cannot_take_are_400_say_what_it_takes_and_harm_nobody(
    models: Path, run: Callable[..., Answers]
) -> None:
    answers = run(
        models / "module",
        as_json([1, 2, 3]),
        as_json([1, 2, 3]),
        (b'{"x": [1], "y": [2]}', "application/json", "application/json"),
        (b"1,x", "text/csv", "application/json"),
        as_json(np.load(models / "rows.npy")),
    )
    assert [status for status, _, _ in answers] == [400, 400, 400, 400, 200]
    assert b"rows of shape (2, 3)" in answers[0][2] and b"shape (3,)" in answers[0][2]
    assert b"inputs are data; the payload has x, y" in answers[2][2]
    assert b"column 2: 'x'" in answers[3][2]
    np.testing.assert_array_equal(np.float32(json.loads(answers[4][2])), np.load(models / "expected.npy"))


def test_several_inputs_and_outputs_go_by_their_names(models: Path, run: Callable[..., Answers]) -> None:
    ((status, _, body),) = run(
        models / "two", (b'{"a": [[1, 2]], "b": [[3, 4]]}', "application/json", "application/json")
    )
    assert status == 200
    sums, same = json.loads(body).items()
    assert sums[1] == [[13, 24]]
    assert same == ("same_output", [[1, 2]])


def test_a_gluon_block_of_the_users_model_fn_is_asked_as_mxnet_does(
    models: Path, run: Callable[..., Answers]
) -> None:
    rows, expected = np.load(models / "rows.npy"), np.load(models / "expected_gluon.npy")
    answers = run(models / "gluon", as_json(rows), as_npy(rows, "application/x-npy"), as_json([[1.0]]))
    np.testing.assert_allclose(json.loads(answers[0][2]), expected, rtol=1e-6)
    np.testing.assert_allclose(np.load(io.BytesIO(answers[1][2])), expected, rtol=1e-6)
    assert answers[2][0] == 400
    assert b"The model cannot take this input" in answers[2][2]


def with_code(models: Path, folder: Path, source: str) -> Path:
    shutil.copytree(models / "module", folder)
    (folder / "code").mkdir()
    (folder / "code" / "serve.py").write_text(source)
    return folder


def test_the_users_functions_get_the_module_and_what_mxnet_reads(
    models: Path, run: Callable[..., Answers], tmp_path: Path
) -> None:
    source = """
import mxnet as mx
def predict_fn(data, model):
    assert isinstance(data, mx.io.NDArrayIter) and isinstance(model, mx.mod.Module)
    return model.predict(data)
"""
    rows, expected = np.load(models / "rows.npy"), np.load(models / "expected.npy")
    ((_, _, body),) = run(with_code(models, tmp_path / "m", source), as_json(rows), program="serve.py")
    np.testing.assert_array_equal(np.float32(json.loads(body)), expected)


def test_neo_hooks_of_the_script_are_for_compiled_models(
    models: Path, run: Callable[..., Answers], tmp_path: Path
) -> None:
    source = "import mxnet\ndef neo_preprocess(payload, content_type): raise RuntimeError\n"
    source += "def neo_postprocess(result): raise RuntimeError"
    rows = np.load(models / "rows.npy")
    ((status, _, _),) = run(with_code(models, tmp_path / "m", source), as_json(rows), program="serve.py")
    assert status == 200


def test_a_damaged_module_is_refused(models: Path, run: Callable[..., str], tmp_path: Path) -> None:
    shutil.copytree(models / "module", tmp_path / "m")
    (tmp_path / "m" / "model-0000.params").write_bytes(b"no weights")
    assert run(tmp_path / "m").startswith("The MXNet Module cannot be loaded: ")
    (tmp_path / "m" / "model-shapes.json").write_text('{"a": 1}')
    assert run(tmp_path / "m").startswith("The MXNet Module cannot be loaded: ")


def test_a_model_that_nobody_knows_how_to_ask_is_refused(run: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "serve.py").write_text("import mxnet\ndef model_fn(model_dir): return 3")
    assert "model_fn gives a int, and the module defines no predict_fn" in run(tmp_path, program="serve.py")
