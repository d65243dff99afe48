"""`ironworks endpoints`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ironworks.cli.completion import endpoint_names
from ironworks.cli.connection import connect
from ironworks.cli.kinds import ENDPOINT, Description, find, without_metadata
from ironworks.cli.options import HomeOption, JsonOption, RegionOption
from ironworks.cli.screen import age, facts, moment, notes, output, plain, print_json, state, table

if TYPE_CHECKING:
    from rich.console import Console

    from ironworks.sdk.session import Session


def endpoints(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", help="One endpoint, with all of its details.", autocompletion=endpoint_names
        ),
    ] = None,
    token: Annotated[
        bool, typer.Option("--token", help="Show the token that the direct addresses ask for.")
    ] = False,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="How many, the newest first.")] = 20,
    as_json: JsonOption = False,
    region: RegionOption = None,
    home: HomeOption = None,
) -> None:
    """List endpoints, or show one with its variants.

    ironworks endpoints
    ironworks endpoints digits --token
    """
    session = connect(home, region)
    sagemaker = session.client("sagemaker")
    if name is None:
        _list(sagemaker, limit, as_json)
        return
    endpoint = find(sagemaker, name, [ENDPOINT])[ENDPOINT]
    access = _access(session, name)
    if not token:
        access.pop("Token", None)
    if as_json:
        print_json({**endpoint, "Access": access})
    else:
        _show(output(), endpoint, access)


def _list(sagemaker: Any, limit: int, as_json: bool) -> None:
    found = ENDPOINT.list(sagemaker, limit)
    if as_json:
        print_json({ENDPOINT.listed: found})
        return
    if not found:
        notes().print("No endpoints.")
        return
    rows = [
        [
            one["EndpointName"],
            state(one["EndpointStatus"]),
            age(one["CreationTime"]),
            age(one["LastModifiedTime"]),
        ]
        for one in found
    ]
    output().print(table(["name", "status", "created", "changed"], rows))


def _show(console: Console, endpoint: Description, access: Description) -> None:
    name = endpoint["EndpointName"]
    urls = {variant["VariantName"]: variant["Url"] for variant in access.get("Variants", [])}
    console.print(plain(f"endpoint {name}", "bold"))
    console.print(
        facts(
            {
                "status": state(endpoint["EndpointStatus"]),
                "reason": plain(endpoint.get("FailureReason", ""), "red"),
                "created": moment(endpoint["CreationTime"]),
                "changed": moment(endpoint["LastModifiedTime"]),
                "made from": f"endpoint config {endpoint['EndpointConfigName']}",
                "token": access.get("Token"),
                "its log": f"ironworks logs {name}",
            }
        )
    )
    variants = endpoint.get("ProductionVariants", [])
    if not variants:
        return
    console.print()
    columns = ["variant", "weight", "instances", "direct address"]
    rows = [_row(variant, urls) for variant in variants]
    console.print(table(columns, rows, right=["weight"], folded=["variant", "direct address"]))


def _row(variant: Description, urls: dict[str, str]) -> list[object]:
    now, wanted = variant.get("CurrentInstanceCount", 0), variant.get("DesiredInstanceCount", 0)
    return [
        variant["VariantName"],
        f"{variant.get('CurrentWeight', 0):g}",
        f"{now}" if now == wanted else f"{now} of {wanted}",
        urls.get(variant["VariantName"], ""),
    ]


def _access(session: Session, name: str) -> Description:
    """The direct addresses and the token of an endpoint; nothing where the server gives none."""
    from ironworks.sdk.errors import RequestRefused

    try:
        return without_metadata(session.call("ironworks", "describe_endpoint_access", EndpointName=name))
    except RequestRefused:
        return {}  # of an endpoint that is being deleted, or by a server of a version before
