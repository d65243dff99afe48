"""Requests to an endpoint: through the server, signed as SageMaker's clients sign, or to its direct address."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ironworks.bench.access import Access, told
from ironworks.bench.connection import Destination, post
from ironworks.bench.payload import Payload
from ironworks.errors import ClientError

ACCEPT = "application/json"


def in_service(access: Access, name: str) -> None:
    """Make sure that an endpoint serves.

    Raises:
        ClientError: there is no such endpoint, or it does not.
    """
    with told(f"The endpoint {name} cannot be measured"):
        status = access.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"]
    if status not in ("InService", "Updating"):
        raise ClientError(f"The endpoint {name} cannot be measured: it is {status}.")


def through_server(access: Access, name: str, payload: Payload) -> Callable[[], Destination]:
    """Makes signed requests; each call signs anew (AWS Signature Version 4, valid for 15 minutes)."""
    parts = urlsplit(access.url)
    path = f"/endpoints/{quote(name, safe='')}/invocations"
    credentials = Credentials(access.keys.access_key_id, access.keys.secret_access_key)

    def destination() -> Destination:
        headers = {"Content-Type": payload.content_type, "Accept": ACCEPT}
        request = AWSRequest("POST", access.url + path, headers=headers, data=payload.body)
        SigV4Auth(credentials, "sagemaker", access.region).add_auth(request)
        return Destination(
            (parts.hostname or "127.0.0.1", parts.port or 80),
            post(path, parts.netloc, dict(request.headers.items()), payload.body),
        )

    return destination


def directly(access: Access, name: str, payload: Payload) -> Callable[[], Destination]:
    """Makes requests to the direct address of the endpoint's first variant, with the endpoint's token.

    Raises:
        ClientError: the server does not say where that is.
    """
    with told(f"The direct address of the endpoint {name} is not known (--through server needs none)"):
        found = access.ironworks.describe_endpoint_access(EndpointName=name)
    parts = urlsplit(found["Variants"][0]["Url"])
    headers = {
        "Authorization": f"Bearer {found['Token']}",
        "Content-Type": payload.content_type,
        "Accept": ACCEPT,
    }
    destination = Destination(
        (parts.hostname or "127.0.0.1", parts.port or 80),
        post(f"{parts.path.rstrip('/')}/invocations", parts.netloc, headers, payload.body),
    )
    return lambda: destination
