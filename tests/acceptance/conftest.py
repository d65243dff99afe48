"""The installation that the acceptance tests share, and the clients' flows, which run beside the other tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.flow import CLIENTS, SDK_2_REGION, Flow
from tests.acceptance.installation import MNIST, REGION, Installation

HERE = Path(__file__).parent


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
def flows(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Flow]]:
    """The notebook's flow by every client, all at once: most of what they do is sleep.

    The two notebooks compile to the same key of the SDK's default bucket, so they run in two regions.
    """
    outputs = tmp_path_factory.mktemp("flows")
    commands = {
        "sagemaker-1.72": ["python", MNIST / "notebook_v1.py"],
        "sagemaker-2.257": ["python", MNIST / "notebook_v2.py"],
        "boto3": ["python", CLIENTS / "boto3_flow.py"],
        "awscli": ["bash", CLIENTS / "aws_cli.sh", outputs],
    }
    started = {}
    try:
        for sdk, command in commands.items():
            output = outputs / f"{sdk}.out"
            region = SDK_2_REGION if sdk == "sagemaker-2.257" else REGION
            started[sdk] = Flow(installation.start(sdk, command, output, region), output)
        yield started
    finally:
        for flow in started.values():
            flow.process.kill()
            flow.process.wait()


@pytest.fixture(scope="package", autouse=True)
def _flows_run_from_the_start(request: pytest.FixtureRequest) -> None:
    if any(
        "flows" in item.fixturenames for item in request.session.items if isinstance(item, pytest.Function)
    ):
        request.getfixturevalue("flows")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The acceptance tests come first and end with those of the flows: what it starts ends before the other tests."""
    items.sort(key=lambda item: (HERE not in item.path.parents, "flows" in getattr(item, "fixturenames", ())))
