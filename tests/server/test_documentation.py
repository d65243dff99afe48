"""docs/operations.md says what the code performs."""

from __future__ import annotations

import re
from pathlib import Path

from ironworks.server.services import iam, ironworks, logs, sagemaker, sts
from ironworks.server.services.operations import Operations
from ironworks.server.services.s3.operations import BLOCKING, STREAMING

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
SERVICES = {
    "SageMaker": ("sagemaker", sagemaker.MODULES),
    "CloudWatch Logs": ("logs", (logs,)),
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
