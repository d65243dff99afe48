"""An installation of the SDK's own, and the notebook run on it once: what most tests look at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ironworks.sdk import connection, legacy
from ironworks.sdk.session import Session
from tests.acceptance.installation import Installation
from tests.sdk.notebook import Ran, run_ported


@pytest.fixture(autouse=True)
def _nothing_noted_yet() -> None:
    legacy._told.clear()


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of a shell that is set up, and no server of a test at the port of a real one."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(connection, "DEFAULT_PORT", 0)


@pytest.fixture(scope="package")
def installation() -> Iterator[Installation]:
    """An installation with a running server."""
    installation = Installation()
    try:
        installation.up()
        yield installation
    finally:
        installation.remove()
    assert installation.processes() == []


@pytest.fixture(scope="package")
def session(installation: Installation) -> Session:
    """A session of it."""
    return Session(home=installation.home)


@pytest.fixture(scope="package")
def ported(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """The notebook for the SageMaker SDK 1.x, with other import lines, run to its end on this installation."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in installation.client_environment.items():
            if name.startswith(("AWS_", "HTTPS_", "NO_")):
                patch.setenv(name, value)
        patch.setenv("AWS_DEFAULT_REGION", "us-west-2")
        yield run_ported(tmp_path_factory.mktemp("notebook"), patch)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A script that prints its argument, what lies in its channel, and leaves a model."""
    path = tmp_path / "train.py"
    path.write_text(
        "import os, sys, pathlib\n"
        "print('arguments', *sys.argv[1:], flush=True)\n"
        "for name in ('train', 'training'):\n"
        "    folder = os.environ.get(f'SM_CHANNEL_{name.upper()}')\n"
        "    for file in sorted(pathlib.Path(folder).rglob('*')) if folder else ():\n"
        "        print(name, file.relative_to(folder), file.stat().st_size if file.is_file() else '', flush=True)\n"
        "print('loss=0.25', flush=True)\n"
        "pathlib.Path(os.environ['SM_MODEL_DIR'], 'weights').write_text('trained')\n"
    )
    return path
