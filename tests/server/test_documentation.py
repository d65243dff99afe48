"""docs/operations.md says what the code performs, docs/metrics.md what it measures."""

from __future__ import annotations

import re
from pathlib import Path

from ironworks.control.platform import Platform
from ironworks.database import Database
from ironworks.home import Home
from ironworks.server.metrics import Metrics, exposition
from ironworks.server.metrics.endpoint_metrics import METRICS
from ironworks.server.services import cloudwatch, iam, ironworks, logs, sagemaker, sts
from ironworks.server.services.operations import Operations
from ironworks.server.services.s3.operations import BLOCKING, STREAMING

METRICS_PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
SERVICES = {
    "SageMaker": ("sagemaker", sagemaker.MODULES),
    "CloudWatch Logs": ("logs", (logs,)),
    "CloudWatch": ("cloudwatch", (cloudwatch,)),
    "Ironworks": ("ironworks", (ironworks,)),
    "STS": ("sts", (sts,)),
    "IAM": ("iam", (iam,)),
}


def test_page_lists_exactly_the_operations_that_are_performed() -> None:
    rows = dict(re.findall(r"^\| ([\w ]+?) \| ([\w, ]+) \|$", PAGE.read_text(), re.MULTILINE))
    for service, (name, modules) in SERVICES.items():
        performed = Operations(None, name, modules).functions  # type: ignore[arg-type]
        assert rows[service].split(", ") == sorted(performed)
    assert rows["S3"].split(", ") == sorted({*BLOCKING, *STREAMING})


def test_page_lists_every_metric(home: Home, database: Database) -> None:
    text = METRICS_PAGE.read_text()
    rows = re.findall(r"^\| `([\w/]+)` \| (.+?) \| (\w+) \| `EndpointName", text, re.MULTILINE)
    documented = {name: (row[0], row[2]) for row in rows for name in re.findall(r"`(\w+)`", row[1])}
    assert documented == {name: (metric.namespace, metric.unit) for name, metric in METRICS.items()}
    platform = Platform.open(home, "123456789012")
    families = re.findall(r"^# TYPE (\w+)", exposition.page(Metrics(), platform).decode(), re.MULTILINE)
    platform.close()
    assert set(families) == set(re.findall(r"`((?:ironworks|process)_\w+)`", text))
