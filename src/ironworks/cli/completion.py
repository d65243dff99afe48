"""Names that the shell completes: jobs, endpoints, models, as the server of the home has them now.

A shell waits while it completes, so the request is signed and sent without boto3, which takes a third of a
second to make a client; and whatever goes wrong, nothing is completed and nothing is said.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import typer

from ironworks.cli.connection import region_of, server_of
from ironworks.cli.kinds import COMPILATION, ENDPOINT, EVERY, JOBS, MODEL, TRAINING, Kind
from ironworks.server.keys import Keys

_MOST = 100
"""Names of a kind, the newest first."""
_SECONDS = 2.0


def job_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Training and compilation jobs."""
    return _names(ctx, incomplete, JOBS)


def endpoint_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Endpoints."""
    return _names(ctx, incomplete, [ENDPOINT])


def logged_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """What prints: jobs and endpoints."""
    return _names(ctx, incomplete, [TRAINING, COMPILATION, ENDPOINT])


def deployable_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """What can be deployed by its name: models and jobs."""
    return _names(ctx, incomplete, [MODEL, TRAINING, COMPILATION])


def training_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Training jobs."""
    return _names(ctx, incomplete, [TRAINING])


def every_name(ctx: typer.Context, incomplete: str) -> list[str]:
    """All that can be deleted."""
    return _names(ctx, incomplete, EVERY)


def _names(ctx: typer.Context, incomplete: str, kinds: Sequence[Kind]) -> list[str]:
    try:
        found = [
            name for kind in kinds for name in _listed(kind, ctx.params.get("home"), ctx.params.get("region"))
        ]
    except Exception:
        return []
    taken = ctx.params.get("names") or ()
    return [name for name in dict.fromkeys(found) if name.startswith(incomplete) and name not in taken]


def _listed(kind: Kind, home: Path | None, region: str | None) -> list[str]:
    """The names of the newest resources of a kind."""
    body = json.dumps({"SortBy": "CreationTime", "SortOrder": "Descending", "MaxResults": _MOST}).encode()
    place, server = server_of(home)
    target = {"host": f"{server.host}:{server.port}", "x-amz-target": f"SageMaker.List{kind.shape}s"}
    headers = _signed(target, body, region_of(region), Keys.open(place.keys))
    connection = http.client.HTTPConnection(server.host, server.port, timeout=_SECONDS)
    try:
        connection.request("POST", "/", body, headers)
        answer = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return [summary[kind.name] for summary in answer[kind.listed]]


def _signed(headers: dict[str, str], body: bytes, region: str, keys: Keys) -> dict[str, str]:
    """The headers of a `POST /` to SageMaker with its Signature Version 4 (AWS general reference)."""
    now = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}"
    covered = {**headers, "x-amz-date": now}
    names = ";".join(sorted(covered))
    lines = "".join(f"{name}:{covered[name]}\n" for name in sorted(covered))
    request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{now[:8]}/{region}/sagemaker/aws4_request"
    key = f"AWS4{keys.secret_access_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"Credential={keys.access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**covered, "Authorization": f"AWS4-HMAC-SHA256 {credential}"}
