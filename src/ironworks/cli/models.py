"""`ironworks models`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ironworks.cli.connection import connect
from ironworks.cli.kinds import MODEL, Description
from ironworks.cli.options import HomeOption, JsonOption, RegionOption
from ironworks.cli.screen import age, notes, output, print_json, table


def models(
    name: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Models whose name has this text.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="How many, the newest first.")] = 20,
    as_json: JsonOption = False,
    region: RegionOption = None,
    home: HomeOption = None,
) -> None:
    """List models, with the artifact that each is made of."""
    found = _described(connect(home, region).client("sagemaker"), limit, name)
    if as_json:
        print_json({MODEL.listed: found})
        return
    if not found:
        notes().print("No models." if name is None else "No such models.")
        return
    rows = [
        [model["ModelName"], age(model["CreationTime"]), container(model)["ModelDataUrl"]] for model in found
    ]
    output().print(table(["name", "created", "artifact"], rows, folded=["name", "artifact"]))


def container(model: Description) -> Description:
    """The container of a model, of which there is one here."""
    found: Description = model.get("PrimaryContainer") or model["Containers"][0]
    return found


def _described(sagemaker: Any, limit: int, name: str | None) -> list[Description]:
    filters = {"NameContains": name} if name else {}
    names = [summary["ModelName"] for summary in MODEL.list(sagemaker, limit, **filters)]
    described = (MODEL.describe(sagemaker, one) for one in names)
    return [model for model in described if model is not None]  # one may be deleted while we look
