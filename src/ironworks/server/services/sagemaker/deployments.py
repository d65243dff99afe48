"""What an update may say of how it is carried out: `DeploymentConfig`, and the properties that it retains.

All traffic moves at once, when every new instance answers. What would move it otherwise is refused by name.
"""

from __future__ import annotations

from ironworks.control import endpoints
from ironworks.server.errors import ValidationError
from ironworks.server.services.operations import Params

_DATA_CAPTURE = "DataCaptureConfig"
"""A property that could be retained if data were captured here."""


def check(config: Params) -> None:
    """See that a DeploymentConfig asks for what is done.

    Raises:
        ValidationError: it asks for something else, which is named.
    """
    if "RollingUpdatePolicy" in config:
        raise ValidationError(
            "RollingUpdatePolicy is not supported: all new instances start beside the old ones. Use a "
            "BlueGreenUpdatePolicy with ALL_AT_ONCE, or no DeploymentConfig."
        )
    if config.get("AutoRollbackConfiguration", {}).get("Alarms"):
        raise ValidationError(
            "AutoRollbackConfiguration.Alarms is not supported: there are no alarms here. An update is rolled back "
            "when its instances do not come into service."
        )
    routing = config.get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration", {})
    if routing.get("Type", "ALL_AT_ONCE") != "ALL_AT_ONCE":
        raise ValidationError(
            f"TrafficRoutingConfiguration.Type {routing['Type']} is not supported; use ALL_AT_ONCE. To try a "
            "model on a part of the traffic, give it a variant of its own and a small weight."
        )


def longest(config: Params) -> float | None:
    """Seconds that an update may take; None where the configuration does not say."""
    seconds: float | None = config.get("BlueGreenUpdatePolicy", {}).get("MaximumExecutionTimeoutInSeconds")
    return seconds


def retained(params: Params) -> set[str]:
    """The properties of variants that an UpdateEndpoint keeps.

    Raises:
        ValidationError: some are excluded and none is retained.
    """
    excluded = {one["VariantPropertyType"] for one in params.get("ExcludeRetainedVariantProperties", [])}
    if not params.get("RetainAllVariantProperties"):
        if excluded:
            raise ValidationError(
                "ExcludeRetainedVariantProperties can only be given when RetainAllVariantProperties is true."
            )
        return set()
    return {endpoints.WEIGHT, endpoints.COUNT, _DATA_CAPTURE} - excluded
