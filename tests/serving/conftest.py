"""A compiled model, the archives that hold it and the processes that serve it."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.compiled import write_compiled
from tests.serving.processes import Instances


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a compiled model that takes (1, 4) and gives (1, 3)."""
    folder = tmp_path_factory.mktemp("compiled")
    write_compiled(folder)
    return folder


@pytest.fixture(scope="session")
def compiled_for_any_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a compiled model that takes (n, 4) and gives (n, 3), compiled for batches of 1 and 4."""
    folder = tmp_path_factory.mktemp("any-rows")
    write_compiled(folder, [1, 4])
    return folder


@pytest.fixture
def archive(compiled: Path, tmp_path: Path) -> Path:
    """An unpacked model archive: the compiled model, and an empty code folder."""
    folder = tmp_path / "model"
    shutil.copytree(compiled, folder)
    (folder / "code").mkdir()
    return folder


@pytest.fixture
def instances() -> Iterator[Instances]:
    """Starts instances, ends them."""
    with tempfile.TemporaryDirectory(prefix="iw-") as folder:
        instances = Instances(Path(folder))
        yield instances
        instances.close()


@pytest.fixture
def clean_imports() -> Iterator[None]:
    """What a test imports is forgotten after it."""
    modules, path, finders = dict(sys.modules), list(sys.path), list(sys.meta_path)
    yield
    for name in sys.modules.keys() - modules.keys():
        del sys.modules[name]
    sys.path[:], sys.meta_path[:] = path, finders
