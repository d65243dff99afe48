import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from ironworks.errors import ClientError, PlatformError
from ironworks.home import Home
from ironworks.server import process as module
from ironworks.server.process import answers, listen, running, start_in_background, stop
from tests.server.running import wait_for

ROOT = Path(__file__).parents[2]
STUB = (sys.executable, "-m", "tests.server.stub")
"""A server with the real gateway, lock and record, and an application that only is well."""


@pytest.fixture(autouse=True)
def _root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home.from_environment({"IRONWORKS_HOME": str(tmp_path / "home")})
    yield home
    stop(home)


def start(home: Home, port: int = 0, **environ: str) -> module.ServerRecord:
    return start_in_background(home, "127.0.0.1", port, environ={**os.environ, **environ}, command=STUB)


def test_a_server_starts_answers_and_stops(home: Home) -> None:
    record = start(home)
    assert running(home) == record
    assert requests.get(record.url + module.HEALTH_PATH, timeout=10).status_code == 200
    assert stop(home) == record
    assert not psutil.pid_exists(record.pid)
    assert running(home) is None and not home.server_record.exists()
    assert "Application shutdown complete" in home.server_log.read_text()


def test_a_server_leaves_the_session_of_its_terminal(home: Home) -> None:
    record = start(home)
    assert os.getsid(record.pid) == record.pid != os.getsid(0)


def test_record_and_log_are_the_owners_alone(home: Home) -> None:
    start(home)
    for path in (home.server_record, home.server_log):
        assert path.stat().st_mode & 0o077 == 0


def test_two_servers_never_share_a_home(home: Home) -> None:
    first = start(home)
    with pytest.raises(PlatformError, match="Another server runs on") as raised:
        start(home)
    assert "exit code 1" in str(raised.value)
    assert running(home) == first and answers(first)


def test_a_port_in_use_names_its_owner_and_the_remedy(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ClientError, match=rf"Port {port} .* in use by .*process {os.getpid()}.*--port"):
            start(home, port)
    assert running(home) is None


def test_a_port_whose_owner_is_hidden_still_has_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_kind: str) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_connections", denied)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(ClientError, match="in use. Choose"),
    ):
        listen("127.0.0.1", listener.getsockname()[1])


def test_a_foreign_address_is_refused_in_clear_terms() -> None:
    with pytest.raises(ClientError, match="Nothing can listen on port 0 of 192.0.2.1"):
        listen("192.0.2.1", 0)


def test_a_killed_server_is_not_taken_for_running(home: Home) -> None:
    record = start(home)
    os.kill(record.pid, signal.SIGKILL)
    wait_for(lambda: running(home) is None)
    os.waitpid(record.pid, 0)
    assert home.server_record.exists()
    assert start(home).pid != record.pid


def test_a_process_that_got_the_number_is_not_the_server(home: Home) -> None:
    home.create()
    record = {**_record(os.getpid()), "created": psutil.Process().create_time() - 60}
    home.server_record.write_text(json.dumps(record))
    assert running(home) is None
    assert stop(home) is None  # and this process goes on
    assert not home.server_record.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"unknown": 1}'])
def test_a_damaged_record_is_no_server(home: Home, text: str) -> None:
    home.create()
    home.server_record.write_text(text)
    assert running(home) is None


def test_a_server_that_fails_at_its_start_shows_why(home: Home) -> None:
    with pytest.raises(PlatformError, match="(?s)exit code 3.*server.log says:.*the disk is on fire"):
        start(home, STUB_STARTUP="the disk is on fire")
    assert running(home) is None


def test_a_server_that_never_answers_is_ended(home: Home) -> None:
    silent = (sys.executable, "-c", "import time; print('waiting', flush=True); time.sleep(60)")
    with pytest.raises(PlatformError, match=r"(?s)did not answer within 0\.5 s.*waiting"):
        start_in_background(home, "127.0.0.1", 0, timeout=0.5, command=silent)
    children = [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
    assert not [child for child in children if "time.sleep(60)" in child.cmdline()]


def test_a_server_that_does_not_stop_is_killed(home: Home) -> None:
    record = start(home)
    os.kill(record.pid, signal.SIGSTOP)
    assert stop(home, timeout=0.2) == record
    assert running(home) is None


def test_a_server_that_not_even_force_ends_is_an_error(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    start(home)
    with monkeypatch.context() as patch:
        patch.setattr(psutil.Process, "send_signal", lambda *_: None)
        with pytest.raises(PlatformError, match="does not end"):
            stop(home, timeout=0.05)
    assert running(home) is not None


def test_stopping_nothing_is_nothing(home: Home) -> None:
    assert stop(home) is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_a_server_in_the_foreground_cleanly(home: Home, number: signal.Signals) -> None:
    environ = {**os.environ, "IRONWORKS_HOME": str(home.path)}
    with subprocess.Popen([*STUB, "127.0.0.1", "0"], env=environ, stderr=subprocess.PIPE) as server:
        wait_for(lambda: running(home) is not None)
        server.send_signal(number)
        assert server.wait(10) == 0
        assert server.stderr is not None and b"Traceback" not in server.stderr.read()
    assert not home.server_record.exists()


def test_a_wrong_proxy_of_the_machine_is_named(home: Home) -> None:
    with pytest.raises(PlatformError, match="HTTPS_PROXY=socks5://h:1 is not an http"):
        start(home, https_proxy="socks5://h:1")


@pytest.mark.parametrize(("host", "url"), [("0.0.0.0", "http://127.0.0.1:"), ("::1", "http://[::1]:")])
def test_the_record_has_an_address_that_clients_can_use(home: Home, host: str, url: str) -> None:
    record = start_in_background(home, host, 0, command=STUB)
    assert record.url.startswith(url)
    assert requests.get(record.url + module.HEALTH_PATH, timeout=10).ok


def test_the_child_has_the_same_home(tmp_path: Path) -> None:
    home = Home(tmp_path / "h", "sqlite:////elsewhere.db", tmp_path / "environments", tmp_path / "data")
    assert Home.from_environment(module._home_variables(home)) == home


def _record(pid: int) -> dict[str, object]:
    values = {"host": "127.0.0.1", "port": 1, "url": "http://127.0.0.1:1", "started": 0.0, "version": "0"}
    return {"pid": pid, "created": 0.0, **values}
