import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ironworks.bench.access import Access
from ironworks.cli import app
from ironworks.errors import ClientError
from ironworks.home import Home
from tests.bench.endpoints import deploy, put, small_model
from tests.cli.conftest import installation


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A server with the endpoints `one` and `two`, which take four numbers."""
    folder = tmp_path_factory.mktemp("bench")
    with pytest.MonkeyPatch.context() as patch:
        for home in installation(folder, patch, start=True):
            access = Access.of(home)
            uri = put(access, "model.tar.gz", small_model(folder / "model"))
            deploy(access, "one", uri)
            deploy(access, "two", uri)
            yield home


@pytest.fixture
def payload(tmp_path: Path) -> Path:
    path = tmp_path / "rows.json"
    path.write_text("[[1, 2, 3, 4]]")
    return path


def bench(home: Home, *arguments: object) -> Result:
    common = ("--trials", 2, "--requests", 10, "--home", home.path)
    return CliRunner().invoke(app, ["bench", *map(str, (*arguments, *common))])


@pytest.mark.parametrize("through", ["server", "direct"])
def test_two_endpoints_are_compared_drawn_and_kept(
    server: Home, payload: Path, tmp_path: Path, through: str
) -> None:
    kept = tmp_path / "figures.json"
    picture = tmp_path / "latency.svg"
    files = ("--payload", payload, "--json", kept, "--picture", picture)
    ran = bench(server, "one", "--against", "two", "--through", through, *files)
    assert ran.exit_code == 0, ran.output + str(ran.exception)
    document = json.loads(kept.read_text())
    assert [side["name"] for side in document["sides"]] == ["one", "two"]
    assert all(side["answered"] == 20 and side["errors"] == {} for side in document["sides"])
    assert all(len(side["trial_means"]) == 2 for side in document["sides"])
    assert document["settings"]["through"] == through and document["generator_floor"]["p50"] > 0
    assert document["title"] in ran.output.replace("\n", " ")
    assert "A server that does nothing takes" in ran.output
    assert picture.exists() and (tmp_path / "latency-dark.svg").exists()


def test_json_can_be_all_that_is_printed(server: Home, payload: Path) -> None:
    ran = bench(server, "one", "--through", "server", "--payload", payload, "--json", "-")
    assert json.loads(ran.stdout)["sides"][0]["name"] == "one"


def test_a_rate_is_kept_over_many_connections(server: Home, payload: Path) -> None:
    ran = bench(
        server, "one", "--through", "server", "--payload", payload, "--rate", 200, "--poisson", "--json", "-"
    )
    settings = json.loads(ran.stdout)["settings"]
    assert (settings["rate"], settings["poisson"], settings["clients"]) == (200, True, 64)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none", "--through", "server"], "The endpoint none cannot be measured: Could not find endpoint"),
        (["none", "--through", "direct"], "The endpoint none cannot be measured: Could not find endpoint"),
        (["one", "--against", "one"], "one cannot be compared with itself"),
        (["one", "--poisson"], "--poisson is about the pauses of --rate"),
        (["one", "--picture", "x.gif"], "must end in .png or .svg"),
        (["one", "--json", "none/figures.json"], "there is no folder none"),
        (["one", "--payload", "none.npy"], "none.npy cannot be read"),
        (["one", "--through", "server"], "The first request to one failed (status 424)"),
        (
            ["one", "--through", "server", "--against", "flask"],
            "No compilation job of this server made the model",
        ),
        (
            ["one", "--through", "server", "--against", "flask", "--original", "none.tar.gz"],
            "neither a file nor a folder",
        ),
    ],
)
def test_what_cannot_be_measured_is_said_in_one_message(
    server: Home, arguments: list[str], message: str
) -> None:
    ran = bench(server, *arguments)
    assert isinstance(ran.exception, ClientError) and message in str(ran.exception)


def test_without_a_server_the_way_to_start_one_is_said(home: Home) -> None:
    ran = bench(home, "one")
    assert "ironworks up" in str(ran.exception)
