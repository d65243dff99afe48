"""IAM: the one role of the installation. Whoever holds the key may do everything."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from urllib.parse import quote

from ironworks.server.backend import Backend
from ironworks.server.call import Caller
from ironworks.server.errors import ServiceError
from ironworks.server.keys import ROLE_NAME
from ironworks.server.services.operations import Params
from ironworks.server.services.sts import role_id

PATH = "/service-role/"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


def get_role(backend: Backend, caller: Caller, params: Params) -> Params:
    """The installation's role."""
    if params["RoleName"] != ROLE_NAME:
        raise ServiceError(
            "NoSuchEntity",
            f"The role with name {params['RoleName']} cannot be found. This installation has {ROLE_NAME}.",
            404,
        )
    return {"Role": _role(backend, caller)}


def list_roles(backend: Backend, caller: Caller, params: Params) -> Params:
    """The installation's role, if its path has the prefix that is asked for."""
    matches = PATH.startswith(params.get("PathPrefix", "/"))
    return {"Roles": [_role(backend, caller)] if matches else [], "IsTruncated": False}


def simulate_principal_policy(_backend: Backend, _caller: Caller, params: Params) -> Params:
    """Every action is allowed."""
    resources = params.get("ResourceArns", ["*"])
    return {
        "EvaluationResults": [
            {"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": "allowed"}
            for action in params["ActionNames"]
            for resource in resources
        ],
        "IsTruncated": False,
    }


def _role(backend: Backend, caller: Caller) -> Params:
    created = backend.platform.home.keys.stat().st_mtime
    return {
        "Path": PATH,
        "RoleName": ROLE_NAME,
        "RoleId": role_id(ROLE_NAME),
        "Arn": f"arn:aws:iam::{caller.account}:role{PATH}{ROLE_NAME}",
        "CreateDate": datetime.fromtimestamp(created, timezone.utc),
        "AssumeRolePolicyDocument": quote(json.dumps(_TRUST)),
        "Description": "The role of notebooks and jobs in this Ironworks installation",
        "MaxSessionDuration": 43200,
    }
