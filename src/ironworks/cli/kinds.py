"""The kinds of resources, and what the API calls their operations and members."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ironworks.cli.failures import NotFound

Description = dict[str, Any]

_PAGE = 100
_COMPARED = 500
"""Names that a mistyped one is compared with, newest first."""


@dataclass(frozen=True)
class Kind:
    """One kind of resource.

    Attributes:
        noun: as it stands in the names of the client's methods.
        listed: the member of a List operation's answer.
        running: the states in which there is something to stop; empty for what never stops by itself.
    """

    noun: str
    listed: str
    running: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Such as `training job`."""
        return self.noun.replace("_", " ")

    @property
    def short(self) -> str:
        """The first word: `training`."""
        return self.noun.partition("_")[0]

    @property
    def shape(self) -> str:
        """As it stands in the names of members and operations: `TrainingJob`."""
        return "".join(word.capitalize() for word in self.noun.split("_"))

    @property
    def name(self) -> str:
        """The member that holds a resource's name: `TrainingJobName`."""
        return f"{self.shape}Name"

    @property
    def status(self) -> str:
        """The member that holds a resource's state: `TrainingJobStatus`."""
        return f"{self.shape}Status"

    @property
    def arn(self) -> str:
        """The member that holds a resource's ARN: `TrainingJobArn`."""
        return f"{self.shape}Arn"

    def describe(self, sagemaker: Any, name: str) -> Description | None:
        """What is known of a resource; None if there is none of that name."""
        try:
            answer: Description = getattr(sagemaker, f"describe_{self.noun}")(**{self.name: name})
        except sagemaker.exceptions.ClientError as error:
            if error.response["Error"]["Code"] == "ValidationException":  # AWS has no code of its own for it
                return None
            raise
        return without_metadata(answer)

    def list(self, sagemaker: Any, limit: int, **filters: str) -> list[Description]:
        """The newest `limit` resources, newest first."""
        pages = sagemaker.get_paginator(f"list_{self.noun}s").paginate(
            SortBy="CreationTime",
            SortOrder="Descending",
            PaginationConfig={"MaxItems": limit, "PageSize": min(limit, _PAGE)},
            **filters,
        )
        return [summary for page in pages for summary in page[self.listed]]

    def delete(self, sagemaker: Any, name: str) -> None:
        """Delete a resource."""
        getattr(sagemaker, f"delete_{self.noun}")(**{self.name: name})

    def stop(self, sagemaker: Any, name: str) -> None:
        """Ask a job to stop."""
        getattr(sagemaker, f"stop_{self.noun}")(**{self.name: name})


TRAINING = Kind("training_job", "TrainingJobSummaries", ("InProgress", "Stopping"))
COMPILATION = Kind("compilation_job", "CompilationJobSummaries", ("STARTING", "INPROGRESS", "STOPPING"))
MODEL = Kind("model", "Models")
CONFIG = Kind("endpoint_config", "EndpointConfigs")
ENDPOINT = Kind("endpoint", "Endpoints", ("Creating", "Updating", "RollingBack", "Deleting"))

JOBS = (TRAINING, COMPILATION)
EVERY = (ENDPOINT, CONFIG, MODEL, COMPILATION, TRAINING)
"""In the order in which they can be deleted: what refers to another comes first."""


def find(sagemaker: Any, name: str, kinds: Sequence[Kind]) -> dict[Kind, Description]:
    """All resources of these kinds that have the name, which is at least one.

    Raises:
        NotFound: there is none; the message has names that are like it.
    """
    described = ((kind, kind.describe(sagemaker, name)) for kind in kinds)
    found = {kind: description for kind, description in described if description is not None}
    if not found:
        raise NotFound(f"There is no {either(kinds)} {name}.{_similar(sagemaker, name, kinds)}")
    return found


def either(kinds: Iterable[Kind]) -> str:
    """`training job, compilation job or endpoint`."""
    *others, last = (kind.label for kind in kinds)
    return f"{', '.join(others)} or {last}" if others else last


def without_metadata(answer: Mapping[str, Any]) -> Description:
    """An answer without what botocore says of the request."""
    return {member: value for member, value in answer.items() if member != "ResponseMetadata"}


def _similar(sagemaker: Any, name: str, kinds: Iterable[Kind]) -> str:
    names = [summary[kind.name] for kind in kinds for summary in kind.list(sagemaker, _COMPARED)]
    close = difflib.get_close_matches(name, dict.fromkeys(names), 3)
    if close:
        return f" Did you mean {', '.join(close)}?"
    lists = dict.fromkeys(
        "jobs" if kind in JOBS else "models" if kind is MODEL else "endpoints" for kind in kinds
    )
    return f" See: {', '.join(f'ironworks {word}' for word in lists)}"
