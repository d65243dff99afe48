"""Keys: generated once, private; temporary credentials that need no table."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from ironworks.errors import PlatformError
from ironworks.server.keys import ROLE_NAME, Keys

LATER = datetime(2100, 1, 1, tzinfo=timezone.utc)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys.open(tmp_path / "keys")


def test_keys_are_generated_once_and_readable_by_the_owner_alone(tmp_path: Path, keys: Keys) -> None:
    assert Keys.open(tmp_path / "keys") == keys
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o600
    assert len(keys.account) == 12 and keys.account.isdigit()
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


def test_permanent_key_is_the_role(keys: Keys) -> None:
    identity = keys.identify(keys.access_key_id, None)
    assert identity is not None and identity.role_name == ROLE_NAME


def test_temporary_credentials_are_recognised_without_being_stored(keys: Keys) -> None:
    issued = keys.issue("Auditor", "me", LATER)
    identity = keys.identify(issued.access_key_id, issued.session_token)
    assert identity is not None
    assert (identity.secret_access_key, identity.role_name, identity.session_name, identity.expires) == (
        issued.secret_access_key,
        "Auditor",
        "me",
        LATER,
    )


@pytest.mark.parametrize("token", [None, "", "x.y", "AAAA.", "é.é"])
def test_made_up_tokens_are_nobodys(keys: Keys, token: str | None) -> None:
    assert keys.identify("ASIAMADEUP", token) is None


def test_token_of_another_key_or_another_installation_is_nobodys(keys: Keys) -> None:
    issued = keys.issue("Auditor", "me", LATER)
    assert keys.identify("ASIAOTHER", issued.session_token) is None
    other = replace(keys, secret_access_key="other")
    assert other.identify(issued.access_key_id, issued.session_token) is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"access_key_id": "a"}', "\u00ff\x00"])
def test_a_damaged_file_is_named_with_the_remedy_and_kept(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys"
    path.write_text(content)
    with pytest.raises(PlatformError, match="keys cannot be read .* delete it"):
        Keys.open(path)
    assert path.read_text() == content


def test_keys_that_are_not_texts_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text('{"access_key_id": "a", "secret_access_key": 5, "account": "1"}')
    with pytest.raises(PlatformError, match="are not texts"):
        Keys.open(path)
