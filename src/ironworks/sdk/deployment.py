"""From a model to an endpoint in service: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from ironworks.errors import IronworksError
from ironworks.sdk.errors import DeploymentFailed
from ironworks.sdk.following import Log, LogReader, follow
from ironworks.sdk.predictor import RUNNING, Predictor
from ironworks.sdk.progress import say, show

if TYPE_CHECKING:
    from ironworks.sdk.serializers import Deserializer, Serializer
    from ironworks.sdk.session import Session

VARIANT = "AllTraffic"


def deploy(
    session: Session,
    name: str,
    *,
    container: dict[str, Any],
    instance_count: int,
    instance_type: str,
    serializer: Serializer | None = None,
    deserializer: Deserializer | None = None,
    wait: bool = True,
) -> Predictor:
    """Create a model, a configuration and an endpoint, all called `name`; the endpoint's predictor.

    What was created is deleted again if the rest cannot be.

    Raises:
        RequestRefused: the server refused one of them.
        DeploymentFailed: the endpoint did not come into service.
    """
    variant = {
        "VariantName": VARIANT,
        "ModelName": name,
        "InitialInstanceCount": instance_count,
        "InstanceType": instance_type,
        "InitialVariantWeight": 1.0,
    }
    call = partial(session.call, "sagemaker")
    predictor = Predictor(name, session, serializer, deserializer)
    with ExitStack() as undo:
        call("create_model", ModelName=name, ExecutionRoleArn=session.role, PrimaryContainer=container)
        undo.callback(_try, call, "delete_model", ModelName=name)
        call("create_endpoint_config", EndpointConfigName=name, ProductionVariants=[variant])
        undo.callback(_try, call, "delete_endpoint_config", EndpointConfigName=name)
        arn = call("create_endpoint", EndpointName=name, EndpointConfigName=name)["EndpointArn"]
        undo.callback(_try, predictor.delete_endpoint, delete_endpoint_config=False)
        if wait:
            _wait(session, name, arn)
        undo.pop_all()
    return predictor


def _try(delete: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Take one step back. What went wrong before is told, not that this was in vain."""
    with suppress(IronworksError):
        delete(*args, **kwargs)


def _wait(session: Session, name: str, arn: str) -> None:
    try:
        last = show(f"Endpoint {name}", follow(session, arn, RUNNING, None))
    except KeyboardInterrupt:
        say(f"Waiting was interrupted; endpoint {name} is deleted again.")
        raise
    if last.name != "InService":
        log = LogReader(session, Log.of_endpoint(name))
        raise DeploymentFailed(name, last.reason, [line.text for line in log.read()])
