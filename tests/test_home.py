"""Where an installation keeps its state."""

from __future__ import annotations

from pathlib import Path

import pytest

from ironworks.errors import PlatformError
from ironworks.home import Home


def test_an_empty_variable_is_an_unset_one() -> None:
    names = ("IRONWORKS_HOME", "IRONWORKS_DATABASE_URL", "IRONWORKS_ENVIRONMENTS", "IRONWORKS_DATASETS")
    assert Home.from_environment(dict.fromkeys(names, "")) == Home.from_environment({})


def test_a_home_that_cannot_be_made_says_where_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    home = Home.from_environment({"IRONWORKS_HOME": str(tmp_path / "file" / "home")})
    with pytest.raises(PlatformError, match="file/home cannot be made: Not a directory. .*IRONWORKS_HOME"):
        home.create()
