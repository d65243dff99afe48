"""Plans: what an endpoint is to run, as it was when it was asked for.

AWS lets an endpoint's configuration and its models be deleted while it serves, so everything that an
instance needs is copied into the plan.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from ironworks.control import direct, models
from ironworks.control.platform import Platform
from ironworks.control.records import Document, Resource

START_SECONDS = 300
"""An instance that does not answer within this time has failed, unless its variant says another time."""


@dataclass(frozen=True)
class Variant:
    """One production variant of a plan.

    Attributes:
        folder: the name of its model's folder; other generations of the variant have others.
        address: `HOST:PORT` at which its instances answer without AWS's wire. All generations share it.
        start_seconds: how long an instance may take until it answers.
    """

    name: str
    folder: str
    address: str
    instance_type: str
    instance_count: int
    weight: float
    model_name: str
    image: str
    model_data: str
    environment: dict[str, str]
    start_seconds: int = START_SECONDS


@dataclass(frozen=True)
class Plan:
    """The variants of an endpoint.

    Attributes:
        generation: counts the plans of an endpoint whose instances differ; instances carry the number.
        config: the endpoint configuration that it was made from.
        deadline: when it must have been reached, Unix seconds; None: each instance has its own time.
    """

    generation: int
    config: str
    variants: tuple[Variant, ...]
    deadline: float | None = None

    def to_document(self) -> Document:
        """JSON."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Document) -> Plan:
        """Read what `to_document` wrote."""
        variants = tuple(Variant(**variant) for variant in document["variants"])
        return cls(**{**document, "variants": variants})

    def variant(self, name: str) -> Variant | None:
        """The variant of that name, if there is one."""
        return next((variant for variant in self.variants if variant.name == name), None)

    def widened(self, other: Plan) -> Plan:
        """This plan, with as many instances as either of two of the same generation asks for."""
        pairs = zip(self.variants, other.variants, strict=True)
        return self.with_variants(
            [replace(one, instance_count=max(one.instance_count, two.instance_count)) for one, two in pairs]
        )

    def replacing(self, variants: Mapping[str, Variant]) -> Plan:
        """The same plan with those variants (by name) in place of its own."""
        return self.with_variants([variants.get(variant.name, variant) for variant in self.variants])

    def with_variants(self, variants: Sequence[Variant]) -> Plan:
        """The same plan with other variants."""
        return replace(self, variants=tuple(variants))


def from_config(
    platform: Platform,
    config: Resource,
    generation: int,
    host: str,
    taken: Collection[str],
    before: Plan | None = None,
) -> Plan:
    """The plan of an endpoint configuration.

    Variants that were there `before` keep their direct address, the others get ports of `host` that are not `taken`.

    Raises:
        NotFound: one of its models is not there any more.
        PlatformError: no port of `host` is free.
    """
    known = {variant.name: variant.address for variant in before.variants} if before else {}
    variants: list[Variant] = []
    for requested in config.request["ProductionVariants"]:
        name = requested["VariantName"]
        mine = [variant.address for variant in variants]
        address = known.get(name) or direct.free_address(host, {*taken, *mine})
        variants.append(_variant(platform, config.region, requested, f"{name}.{generation}", address))
    return Plan(generation, config.name, tuple(variants))


def _variant(platform: Platform, region: str, requested: Document, folder: str, address: str) -> Variant:
    model = platform.resources.get(models.KIND, region, requested["ModelName"])
    container = models.container(model)
    return Variant(
        name=requested["VariantName"],
        folder=folder,
        address=address,
        instance_type=requested["InstanceType"],
        instance_count=requested["InitialInstanceCount"],
        weight=requested.get("InitialVariantWeight", 1.0),
        model_name=requested["ModelName"],
        image=container.get("Image", ""),
        model_data=container["ModelDataUrl"],
        environment=container.get("Environment", {}),
        start_seconds=requested.get("ContainerStartupHealthCheckTimeoutInSeconds", START_SECONDS),
    )
