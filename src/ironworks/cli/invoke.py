"""`ironworks invoke`: send something to an endpoint and show what it answers."""

from __future__ import annotations

import io
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ironworks.cli.completion import endpoint_names
from ironworks.cli.connection import connect
from ironworks.cli.failures import Misuse
from ironworks.cli.kinds import ENDPOINT, find
from ironworks.cli.options import HomeOption, JsonOption, RegionOption
from ironworks.cli.payload import JSON, Payload, read
from ironworks.cli.screen import notes, output, plain, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from ironworks.sdk.session import Session

_NPY = ("application/x-npy", "application/vnd+python.numpy+binary")
_MOST_BARS = 40
_BAR_WIDTH = 40


@dataclass(frozen=True)
class Answer:
    """What an endpoint answered.

    Attributes:
        milliseconds: from sending the request to having the whole answer, as this client saw it.
    """

    body: bytes
    content_type: str
    variant: str
    milliseconds: float

    @property
    def value(self) -> Any:
        """The body as what it means: JSON's value, an array as lists, else text.

        Raises:
            Misuse: it is none of these.
        """
        if self.content_type.startswith(JSON):
            return json.loads(self.body)
        if self.content_type in _NPY:
            import numpy as np

            return np.load(io.BytesIO(self.body), allow_pickle=False).tolist()
        try:
            return self.body.decode()
        except UnicodeDecodeError:
            raise Misuse(
                f"The answer is {len(self.body):,} bytes of {self.content_type}. Write it to a file with --out."
            ) from None


def invoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The endpoint.", autocompletion=endpoint_names)],
    file: Annotated[
        Path,
        typer.Option(
            "--file",
            "-f",
            metavar="FILE",
            help="What to send: .npy, .json, .csv, a .png of a digit, or - for standard input.",
            show_default=False,
        ),
    ],
    content_type: Annotated[
        str | None,
        typer.Option(metavar="TYPE", help="Send the file as it is, as this type.", show_default=False),
    ] = None,
    accept: Annotated[str, typer.Option(metavar="TYPE", help="What to ask for.")] = JSON,
    variant: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The variant to ask, whatever its weight.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Write the answer to a file.", show_default=False),
    ] = None,
    bars: Annotated[
        bool | None,
        typer.Option(
            "--bars/--no-bars",
            help="Draw probabilities as bars, as is done on a terminal, or do not.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
    region: RegionOption = None,
    home: HomeOption = None,
) -> None:
    """Send a file to an endpoint, and show the answer.

    ironworks invoke digits --file seven.png
    cat x.json | ironworks invoke digits --file -
    """
    session = connect(home, region)
    answer = _ask(session, name, read(session, name, file, content_type), accept, variant)
    if out is not None:
        out.write_bytes(answer.body)
    if as_json:
        print_json(_document(answer, out))
        return
    if out is not None:
        notes().print(f"{len(answer.body):,} bytes of {answer.content_type} are in {out}.")
    else:
        _show(answer, sys.stdout.isatty() if bars is None else bars)
    notes().print(f"{answer.variant} answered in {answer.milliseconds:.1f} ms.")


def _ask(session: Session, name: str, payload: Payload, accept: str, variant: str | None) -> Answer:
    target = {"TargetVariant": variant} if variant else {}
    runtime = session.client("sagemaker-runtime")
    begin = time.perf_counter()
    try:
        response = runtime.invoke_endpoint(
            EndpointName=name, Body=payload.body, ContentType=payload.content_type, Accept=accept, **target
        )
        body = response["Body"].read()
    except runtime.exceptions.ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            find(
                session.client("sagemaker"), name, [ENDPOINT]
            )  # which says it better when there is no such endpoint
        raise
    milliseconds = 1000 * (time.perf_counter() - begin)
    return Answer(body, response["ContentType"], response["InvokedProductionVariant"], milliseconds)


def _document(answer: Answer, out: Path | None) -> dict[str, Any]:
    body = {"Body": answer.value} if out is None else {"File": str(out)}
    return {
        "ContentType": answer.content_type,
        "InvokedProductionVariant": answer.variant,
        "Milliseconds": round(answer.milliseconds, 3),
        **body,
    }


def _show(answer: Answer, bars: bool) -> None:
    if bars:
        probabilities = _probabilities(answer.value)
        if probabilities:
            output().print(_bars(probabilities))
            return
    if sys.stdout.isatty():
        value = answer.value
        output().print(plain(value if isinstance(value, str) else json.dumps(value)), soft_wrap=True)
        return
    sys.stdout.buffer.write(answer.body)
    if answer.content_type.startswith(JSON):
        sys.stdout.buffer.write(b"\n")
    sys.stdout.flush()


def _probabilities(value: Any) -> list[float]:
    """Numbers from 0 to 1 of one row; nothing if the answer is something else."""
    while isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    fits = isinstance(value, list) and 2 <= len(value) <= _MOST_BARS
    if fits and all(isinstance(one, int | float) and 0 <= one <= 1 for one in value):
        return [float(one) for one in value]
    return []


def _bars(probabilities: list[float]) -> Table:
    from rich.bar import Bar
    from rich.table import Table

    best = max(probabilities)
    found = Table.grid(padding=(0, 1))
    for index, value in enumerate(probabilities):
        style = "bold green" if value == best else ""
        bar = Bar(size=1, begin=0, end=value, width=_BAR_WIDTH, color="green" if value == best else "blue")
        found.add_row(plain(f"{index:>2}", style), bar, plain(f"{100 * value:5.1f} %", style))
    return found
