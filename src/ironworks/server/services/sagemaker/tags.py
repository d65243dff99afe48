"""AddTags, ListTags and DeleteTags."""

from __future__ import annotations

from ironworks.server.backend import Backend
from ironworks.server.call import Caller
from ironworks.server.errors import ValidationError
from ironworks.server.services.operations import Params

LARGEST_PAGE = 50


def add_tags(backend: Backend, _caller: Caller, params: Params) -> Params:
    """Set tags of a resource."""
    arn = _existing(backend, params)
    backend.platform.resources.add_tags(arn, params["Tags"])
    return {"Tags": backend.platform.resources.tags(arn)}


def list_tags(backend: Backend, _caller: Caller, params: Params) -> Params:
    """A page of a resource's tags, by key; the token is the last key of the page before."""
    tags = backend.platform.resources.tags(_existing(backend, params))
    rest = [tag for tag in tags if tag["Key"] > params.get("NextToken", "")]
    limit = params.get("MaxResults", LARGEST_PAGE)
    page = rest[:limit]
    return {"Tags": page, "NextToken": page[-1]["Key"] if len(rest) > limit else None}


def delete_tags(backend: Backend, _caller: Caller, params: Params) -> None:
    """Remove tags of a resource."""
    backend.platform.resources.delete_tags(_existing(backend, params), params["TagKeys"])


def _existing(backend: Backend, params: Params) -> str:
    arn: str = params["ResourceArn"]
    if backend.platform.resources.get_by_arn(arn) is None:
        raise ValidationError(f"Could not find the resource {arn}.")
    return arn
