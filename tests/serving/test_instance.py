"""Instances as the control plane runs them: processes."""

from __future__ import annotations

import http.client
import io
import json
import shutil
import signal
import socket
import stat
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.serving.compiled import expected
from tests.serving.processes import Instance, Instances, wait_until

NOTEBOOK_SCRIPT = """
import logging
import mxnet as mx
from mxnet import gluon

class Net(gluon.Block):
    pass

def train(): return mx.mod.Module()

def neo_preprocess(payload, content_type):
    import io
    import numpy as np
    logging.info("Invoking user-defined pre-processing function")
    if content_type != "application/vnd+python.numpy+binary":
        raise RuntimeError("Content type must be application/vnd+python.numpy+binary")
    return np.load(io.BytesIO(payload))

def neo_postprocess(result):
    import json
    import numpy as np
    result = np.squeeze(result)
    print("printed by the hook")
    return json.dumps(result.tolist()), "application/json"
"""

BLOCKING_SCRIPT = """
import pathlib, time

def neo_preprocess(payload, content_type):
    print("computing")
    while not (pathlib.Path(__file__).parent / "go").exists():
        time.sleep(0.01)
    return [1, 2, 3, 4]
"""


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("instance", timeout=20)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(str(self._path))


def ask(instance: Instance, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    connection = UnixConnection(instance.socket)
    try:
        connection.request(
            method, path, body, {name.replace("_", "-"): value for name, value in headers.items()}
        )
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def npy(values: list[Any], dtype: str = "float64") -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array([values], dtype))
    return stream.getvalue()


def failed(instance: Instance) -> str:
    """The last line of an instance that could not start."""
    assert instance.process.wait(20) == 1
    assert not instance.socket.exists()
    return instance.output.strip().splitlines()[-1]


def test_a_compiled_model_without_a_script_answers_in_every_format(
    compiled: Path, instances: Instances
) -> None:
    instance = instances.start(compiled).until_ready()
    values = [1.0, 2.0, 3.0, 4.0]
    bodies = {
        "application/x-npy": npy(values),
        "application/vnd+python.numpy+binary": npy(values, "int64"),
        "text/csv": b"1,2,3,4",
        "application/json": b"[1,2,3,4]",
        "application/octet-stream": np.float32(values).tobytes(),
    }
    for content_type, body in bodies.items():
        status, answer = ask(instance, "POST", "/invocations", body, Content_Type=content_type)
        assert status == 200
        np.testing.assert_allclose(json.loads(answer), expected(values), rtol=1e-5)


@pytest.mark.parametrize("rows", [1, 3, 9])
def test_a_model_of_several_batch_sizes_answers_any_number_of_rows_in_every_format(
    compiled_for_any_rows: Path, instances: Instances, rows: int
) -> None:
    instance = instances.start(compiled_for_any_rows).until_ready()
    values = np.random.default_rng(rows).random((rows, 4)).astype(np.float32)
    bodies = {
        "application/x-npy": npy(values.tolist()),
        "text/csv": "\n".join(",".join(map(str, row)) for row in values.tolist()).encode(),
        "application/json": json.dumps({"instances": values.tolist()}).encode(),
        "application/octet-stream": values.tobytes(),
    }
    for content_type, body in bodies.items():
        status, answer = ask(instance, "POST", "/invocations", body, Content_Type=content_type)
        assert status == 200, answer
        np.testing.assert_allclose(json.loads(answer), expected(values), rtol=1e-5)
    headers = {"Content_Type": "application/json", "Accept": "text/csv"}
    status, answer = ask(instance, "POST", "/invocations", bodies["application/json"], **headers)
    assert len(answer.splitlines()) == rows
    status, answer = ask(instance, "POST", "/invocations", b"[1, 2, 3]", Content_Type="application/json")
    assert (status, b"takes rows of 4 numbers, at least one, and was given 3" in answer) == (400, True)


def test_hooks_pass_any_number_of_rows_through(
    compiled_for_any_rows: Path, instances: Instances, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(compiled_for_any_rows, folder)
    (folder / "code").mkdir()
    (folder / "code" / "mnist.py").write_text(NOTEBOOK_SCRIPT)
    instance = instances.start(folder, SAGEMAKER_PROGRAM="mnist.py").until_ready()
    values = [[1.0, 0, 0, 1], [0, 1, 2, 0], [3, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]]
    content_type = "application/vnd+python.numpy+binary"
    status, answer = ask(instance, "POST", "/invocations", npy(values), Content_Type=content_type)
    assert status == 200
    np.testing.assert_allclose(json.loads(answer), expected(values), rtol=1e-5)


def test_the_notebooks_hooks_run_without_mxnet(archive: Path, instances: Instances) -> None:
    (archive / "code" / "mnist.py").write_text(NOTEBOOK_SCRIPT)
    instance = instances.start(
        archive, SAGEMAKER_PROGRAM="mnist.py", SAGEMAKER_CONTAINER_LOG_LEVEL="20"
    ).until_ready()
    content_type = "application/vnd+python.numpy+binary"

    status, answer = ask(instance, "POST", "/invocations", npy([1, 0, 0, 1]), Content_Type=content_type)
    wrong_type, text = ask(instance, "POST", "/invocations", b"1", Content_Type="text/csv")
    wrong_size, size = ask(instance, "POST", "/invocations", npy([1, 2, 3]), Content_Type=content_type)

    assert status == 200
    np.testing.assert_allclose(json.loads(answer), expected([1, 0, 0, 1])[0], rtol=1e-5)
    assert (wrong_type, b"Content type must be application/vnd+python.numpy+binary" in text) == (400, True)
    assert (wrong_size, b"takes 4 numbers" in size) == (400, True)
    assert "Invoking user-defined pre-processing function" in instance.output
    assert "printed by the hook" in instance.output
    assert 'raise RuntimeError("Content type' in instance.output


def test_only_the_owner_may_connect_and_no_unfinished_socket_is_left(
    compiled: Path, instances: Instances
) -> None:
    instance = instances.start(compiled).until_ready()
    assert stat.S_IMODE(instance.socket.stat().st_mode) == 0o600
    assert list(instances.folder.iterdir()) == [instance.socket]


def test_a_socket_that_a_killed_instance_left_is_replaced(compiled: Path, instances: Instances) -> None:
    first = instances.start(compiled).until_ready()
    first.process.kill()
    first.process.wait()
    second = Instance(compiled, first.socket, {})
    instances.started.append(second)
    wait_until(lambda: "Ready" in second.output)
    assert ask(second, "GET", "/ping") == (200, b"")


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_instance_after_what_it_is_answering(
    archive: Path, instances: Instances, signum: signal.Signals
) -> None:
    (archive / "code" / "inference.py").write_text(BLOCKING_SCRIPT)
    instance = instances.start(archive).until_ready()
    answers: list[tuple[int, bytes]] = []
    client = threading.Thread(target=lambda: answers.append(ask(instance, "POST", "/invocations")))
    client.start()
    wait_until(lambda: "computing" in instance.output)

    instance.process.send_signal(signum)
    wait_until(lambda: not instance.socket.exists())
    (archive / "code" / "go").touch()

    assert instance.process.wait(20) == 0
    client.join(20)
    assert answers[0][0] == 200
    assert list(instances.folder.iterdir()) == []


def test_an_archive_without_any_model_is_refused_with_what_was_found(
    tmp_path: Path, instances: Instances
) -> None:
    (tmp_path / "model-symbol.json").touch()
    line = failed(instances.start(tmp_path))
    assert "lacks model-0000.params, model-shapes.json" in line
    assert "holds: model-symbol.json" in line


def test_a_damaged_model_is_refused(archive: Path, instances: Instances) -> None:
    (archive / "model.onnx").write_bytes(b"")
    assert "changed or damaged after compilation" in failed(instances.start(archive))


def test_a_module_that_cannot_be_imported_is_refused(archive: Path, instances: Instances) -> None:
    (archive / "code" / "mnist.py").write_text("import no_such_module_anywhere")
    line = failed(instances.start(archive, SAGEMAKER_PROGRAM="mnist.py"))
    assert line.startswith("code/mnist.py imports no_such_module_anywhere")


def test_a_socket_path_that_is_too_long_is_refused(compiled: Path, instances: Instances) -> None:
    instance = Instance(compiled, instances.folder / ("x" * 100), {})
    instances.started.append(instance)
    assert "longer than 106 bytes" in failed(instance)


def test_a_socket_in_a_folder_that_is_not_there_is_refused(compiled: Path, instances: Instances) -> None:
    instance = Instance(compiled, instances.folder / "none" / "s", {})
    instances.started.append(instance)
    assert "cannot be made: " in failed(instance)


def test_an_instance_imports_only_what_it_needs(archive: Path, instances: Instances) -> None:
    unneeded = ("sqlalchemy", "botocore", "onnx", "uvicorn", "rich", "cryptography", "psutil")
    code = "import sys, json\ndef neo_preprocess(p, c): return [1, 2, 3, 4]\n"
    code += "def neo_postprocess(r): return json.dumps(sorted(sys.modules))\n"
    (archive / "code" / "inference.py").write_text(code)
    instance = instances.start(archive).until_ready()
    imported = set(json.loads(ask(instance, "POST", "/invocations")[1]))
    assert imported.isdisjoint(unneeded)
