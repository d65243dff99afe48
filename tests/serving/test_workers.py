"""An instance with several workers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.serving.processes import Instance, Instances, wait_until
from tests.serving.test_http import post
from tests.serving.test_instance import BLOCKING_SCRIPT, ask, failed

TELLS_PROCESS = """
import json, os

def neo_preprocess(payload, content_type):
    return [1, 2, 3, 4]

def neo_postprocess(result):
    names = ("OMP_NUM_THREADS", "IRONWORKS_DIRECT_TOKEN")
    return json.dumps([os.getpid(), *map(os.environ.get, names)])
"""


def start(instances: Instances, archive: Path, script: str, **environment: str) -> Instance:
    (archive / "code" / "inference.py").write_text(script)
    return instances.start(archive, SAGEMAKER_MODEL_SERVER_WORKERS="2", **environment).until_ready()


@contextmanager
def kept(instance: Instance) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(instance.socket))
        yield client


def process_of(client: socket.socket) -> int:
    """The process that answers this connection; 0 if it is closed."""
    client.sendall(post(b""))
    answer = client.recv(10_000)
    return int(json.loads(answer.partition(b"\r\n\r\n")[2])[0]) if answer else 0


def workers(instance: Instance) -> set[int]:
    return {child.pid for child in psutil.Process(instance.process.pid).children()}


def test_connections_go_to_the_workers_in_turn(archive: Path, instances: Instances) -> None:
    instance = start(instances, archive, TELLS_PROCESS)
    with kept(instance) as one, kept(instance) as two, kept(instance) as three, kept(instance) as four:
        found = [process_of(client) for client in (one, two, three, four)]
        assert found == [process_of(client) for client in (one, two, three, four)]
    assert (found[0], found[1]) == (found[2], found[3])
    assert set(found) == workers(instance)
    assert instance.process.pid not in found


def test_workers_share_the_cores(archive: Path, instances: Instances) -> None:
    instance = start(instances, archive, TELLS_PROCESS)
    _, threads, _ = json.loads(ask(instance, "POST", "/invocations")[1])
    assert int(threads) == max(1, len(os.sched_getaffinity(0)) // 2)


def test_what_the_user_says_of_threads_is_kept(archive: Path, instances: Instances) -> None:
    instance = start(instances, archive, TELLS_PROCESS, OMP_NUM_THREADS="7")
    assert json.loads(ask(instance, "POST", "/invocations")[1])[1] == "7"


def test_a_worker_that_dies_is_replaced_and_the_other_goes_on(archive: Path, instances: Instances) -> None:
    instance = start(instances, archive, TELLS_PROCESS)
    before = workers(instance)
    with kept(instance) as one, kept(instance) as two:
        dying, staying = process_of(one), process_of(two)
        os.kill(dying, signal.SIGKILL)
        assert one.recv(1) == b""
        assert process_of(two) == staying
    wait_until(lambda: len(workers(instance)) == 2 and workers(instance) != before)
    wait_until(lambda: json.loads(ask(instance, "POST", "/invocations")[1])[0] not in before)
    assert f"Worker {dying} ended with code -9; another takes its place." in instance.output


def test_a_signal_ends_all_workers_after_what_they_are_answering(archive: Path, instances: Instances) -> None:
    instance = start(instances, archive, BLOCKING_SCRIPT)
    with kept(instance) as one, kept(instance) as two:
        for client in (one, two):
            client.sendall(post(b""))
        wait_until(lambda: instance.output.count("computing") == 2)
        instance.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not instance.socket.exists())
        (archive / "code" / "go").touch()
        for client in (one, two):
            assert client.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
    assert instance.process.wait(20) == 0


def test_workers_end_with_the_process_that_accepts(archive: Path, instances: Instances) -> None:
    instance = start(instances, archive, TELLS_PROCESS)
    running = workers(instance)
    instance.process.kill()
    wait_until(lambda: not any(map(psutil.pid_exists, running)))


def test_a_model_that_cannot_be_loaded_is_refused_with_the_workers_reason(
    archive: Path, instances: Instances
) -> None:
    (archive / "code" / "inference.py").write_text("import no_such_module_anywhere")
    line = failed(instances.start(archive, SAGEMAKER_MODEL_SERVER_WORKERS="2"))
    assert line.startswith("code/inference.py imports no_such_module_anywhere")


def test_workers_that_can_no_longer_start_are_given_up(archive: Path, instances: Instances) -> None:
    instance = start(instances, archive, TELLS_PROCESS)
    (archive / "code" / "inference.py").write_text("import no_such_module_anywhere")
    for worker in workers(instance):
        os.kill(worker, signal.SIGKILL)
    assert instance.process.wait(60) == 1
    assert "5 workers in a row ended before they were ready, the last with code 1" in instance.output
    assert not instance.socket.exists()


@pytest.mark.parametrize("workers_", ["1", "2"])
def test_the_direct_address_answers_with_the_token_which_the_users_code_does_not_see(
    archive: Path, instances: Instances, workers_: str
) -> None:
    (archive / "code" / "inference.py").write_text(TELLS_PROCESS)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        probe.bind(("127.0.0.1", 0))
        address = probe.getsockname()
        instances.start(
            archive,
            "--listen",
            f"127.0.0.1:{address[1]}",
            SAGEMAKER_MODEL_SERVER_WORKERS=workers_,
            IRONWORKS_DIRECT_TOKEN="secret",
        ).until_ready()
    for token, status in ((b"secret", b"200"), (b"other", b"401")):
        with socket.create_connection(address, timeout=20) as client:
            client.sendall(post(b"", f"Authorization: Bearer {token.decode()}"))
            answer = client.recv(10_000)
            assert answer.split()[1] == status
            if status == b"200":
                assert json.loads(answer.partition(b"\r\n\r\n")[2])[2] is None


def test_a_direct_address_without_a_token_is_refused(compiled: Path, instances: Instances) -> None:
    assert "set IRONWORKS_DIRECT_TOKEN" in failed(instances.start(compiled, "--listen", "127.0.0.1:0"))


@pytest.mark.parametrize("address", ["8080", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:99999"])
def test_a_malformed_address_is_refused(compiled: Path, instances: Instances, address: str) -> None:
    line = failed(instances.start(compiled, "--listen", address, IRONWORKS_DIRECT_TOKEN="secret"))
    assert line == f"--listen {address} is not HOST:PORT."


def test_an_address_of_somebody_else_is_refused(compiled: Path, instances: Instances) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        line = failed(instances.start(compiled, "--listen", address, IRONWORKS_DIRECT_TOKEN="secret"))
    assert line.startswith(f"The direct address {address} cannot be listened on: ")


def test_instances_share_the_direct_address(compiled: Path, instances: Instances, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
        shutil.copytree(compiled, tmp_path / "copy")
        for model in (compiled, tmp_path / "copy"):
            instances.start(model, "--listen", address, IRONWORKS_DIRECT_TOKEN="secret").until_ready()
