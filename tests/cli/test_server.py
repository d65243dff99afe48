import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ironworks import cli
from ironworks.cli import app
from ironworks.control import processes
from ironworks.home import Home
from ironworks.server.process import answers, running
from tests.cli.conftest import Run
from tests.server.running import wait_for


def test_the_first_up_introduces_the_installation_and_says_what_is_next(ironworks: Run, home: Home) -> None:
    ran = ironworks("up", "--port", "0")
    assert ran.returncode == 0, ran.stderr
    record = running(home)
    assert record is not None and answers(record)
    keys = json.loads(home.keys.read_text())
    for text in (str(home.path), keys["access_key_id"], str(home.ca), record.url, 'eval "$(ironworks env)"'):
        assert text in ran.stdout
    assert keys["secret_access_key"] not in ran.stdout


def test_up_down_and_up_again(ironworks: Run, home: Home) -> None:
    ironworks("up", "--port", "0")
    record = running(home)
    again = ironworks("up", "--port", "0")
    assert record is not None
    assert again.returncode == 0
    assert (
        again.stdout.startswith("Ironworks")
        and f"runs already: {record.url} (process {record.pid}" in again.stdout
    )
    down = ironworks("down")
    assert down.stdout == f"Stopped the server (process {record.pid}).\n"
    assert running(home) is None
    assert "Made a new" not in ironworks("up", "--port", "0").stdout


def test_a_home_may_be_named(ironworks: Run, home: Home) -> None:
    ran = ironworks("up", "--port", "0", "--home", str(home.path), IRONWORKS_HOME="/nowhere")
    assert f"--home {home.path}" in ran.stdout
    assert running(home) is not None
    assert ironworks("env", "--home", str(home.path), IRONWORKS_HOME="/nowhere").returncode == 0


def test_a_port_in_use_is_one_line_without_a_traceback(ironworks: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ran = ironworks("up", "--port", str(listener.getsockname()[1]))
    assert ran.returncode == 1 and ran.stdout == ""
    assert ran.stderr.startswith("Error: Port ") and "--port" in ran.stderr and ran.stderr.count("\n") == 1


def test_a_server_does_not_take_itself_for_its_proxy(ironworks: Run, home: Home) -> None:
    inside = {"IRONWORKS_ENV": "HTTPS_PROXY", "HTTPS_PROXY": "socks5://not.usable:1"}
    assert ironworks("up", "--port", "0", **inside).returncode == 0


def test_in_the_foreground_it_stays_until_interrupted(home: Home) -> None:
    command = [sys.executable, "-m", "ironworks.cli", "up", "--foreground", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        wait_for(lambda: running(home) is not None)
        server.send_signal(signal.SIGINT)
        _, log = server.communicate(timeout=20)
    assert server.returncode == 0
    assert "Application startup complete" in log and "Traceback" not in log


def test_down_without_a_server_is_no_failure(ironworks: Run, home: Home) -> None:
    ran = ironworks("down", "--all")
    assert (ran.returncode, ran.stdout) == (0, f"No server runs on {home.path}.\n")
    assert not home.path.exists()


def test_down_says_what_goes_on(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.create()
    survivor = type("Survivor", (), {"name": "training job mnist"})
    monkeypatch.setattr(processes, "survivors", lambda place: [survivor])
    ran = CliRunner().invoke(app, ["down"])
    assert ran.exit_code == 0
    assert "  training job mnist\n" in ran.output and "ironworks down --all" in ran.output


def test_down_all_says_what_it_ended(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.create()
    monkeypatch.setattr(processes, "stop_all", lambda place: ["training job mnist"])
    assert "Ended training job mnist.\n" in CliRunner().invoke(app, ["down", "--all"]).output


def test_a_killed_server_is_started_again(ironworks: Run, home: Home) -> None:
    ironworks("up", "--port", "0")
    record = running(home)
    assert record is not None
    os.kill(record.pid, signal.SIGKILL)
    wait_for(lambda: running(home) is None)
    assert ironworks("status").returncode == 3
    assert "is up" in ironworks("up", "--port", "0").stdout


@pytest.mark.parametrize(
    ("command", "code"), [("up", 1), ("env", 1), ("down", 0), ("status", 3), ("doctor", 1)]
)
def test_a_home_that_is_a_file_is_no_traceback(
    ironworks: Run, tmp_path: Path, command: str, code: int
) -> None:
    (tmp_path / "file").touch()
    ran = ironworks(command, "--home", str(tmp_path / "file"))
    assert ran.returncode == code
    assert "Traceback" not in ran.stderr
    assert str(tmp_path / "file") in ran.stdout + ran.stderr


def test_what_the_system_refuses_is_a_message(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise PermissionError(13, "Permission denied", str(home.server_log))

    monkeypatch.setattr(cli, "app", refuse)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert said.startswith("Error: ") and str(home.server_log) in said and "ironworks doctor" in said


def test_help_says_where_the_home_is_when_none_is_named() -> None:
    assert "IRONWORKS_HOME" in CliRunner().invoke(app, ["status", "--help"]).output
