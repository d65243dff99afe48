"""STS: who the caller is, and temporary credentials."""

from __future__ import annotations

from datetime import timedelta

from ironworks.database import utc_now
from ironworks.server.backend import Backend
from ironworks.server.call import Caller
from ironworks.server.services.operations import Params

DEFAULT_SECONDS = 3600


def get_caller_identity(_backend: Backend, caller: Caller, _params: Params) -> Params:
    """An assumed role: the SageMaker SDKs refuse any other kind of identity."""
    return {
        "Account": caller.account,
        "Arn": _session_arn(caller, caller.role_name, caller.session_name),
        "UserId": f"{role_id(caller.role_name)}:{caller.session_name}",
    }


def assume_role(backend: Backend, caller: Caller, params: Params) -> Params:
    """Temporary credentials for a session of the role."""
    role_name = params["RoleArn"].rpartition("/")[2]
    session_name = params["RoleSessionName"]
    expires = utc_now() + timedelta(seconds=params.get("DurationSeconds", DEFAULT_SECONDS))
    issued = backend.keys.issue(role_name, session_name, expires)
    return {
        "Credentials": {
            "AccessKeyId": issued.access_key_id,
            "SecretAccessKey": issued.secret_access_key,
            "SessionToken": issued.session_token,
            "Expiration": issued.expires,
        },
        "AssumedRoleUser": {
            "AssumedRoleId": f"{role_id(role_name)}:{session_name}",
            "Arn": _session_arn(caller, role_name, session_name),
        },
    }


def role_id(role_name: str) -> str:
    """A role's unique id: stable, and in IAM's form."""
    return "AROA" + role_name.upper().replace("-", "").ljust(17, "A")[:17]


def _session_arn(caller: Caller, role_name: str, session_name: str) -> str:
    return f"arn:aws:sts::{caller.account}:assumed-role/{role_name}/{session_name}"
