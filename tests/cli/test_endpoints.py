from tests.cli.platform import Platform


def test_endpoints_are_listed_with_their_state(platform: Platform, endpoint: str) -> None:
    rows = [line.split()[:2] for line in platform("endpoints").out.splitlines()]
    assert [endpoint, "InService"] in rows
    listed = platform("endpoints", "--json").json["Endpoints"]
    assert endpoint in [one["EndpointName"] for one in listed]


def test_an_endpoint_shows_its_variants(platform: Platform, endpoint: str) -> None:
    ran = platform("endpoints", endpoint)
    assert ran.code == 0, ran.err
    variant = next(line for line in ran.out.splitlines() if line.startswith("AllTraffic"))
    assert variant.split()[1:3] == ["1", "2"]
    assert f"ironworks logs {endpoint}" in ran.out


def test_an_endpoint_that_is_not_there_is_not_found(platform: Platform, endpoint: str) -> None:
    ran = platform("endpoints", "part")
    assert (ran.code, ran.err) == (4, f"Error: There is no endpoint part. Did you mean {endpoint}?\n")


def test_models_are_listed_with_their_archives(platform: Platform, endpoint: str) -> None:
    row = next(line for line in platform("models").out.splitlines() if line.startswith(f"{endpoint} "))
    assert "s3://" in row and row.rstrip().endswith("model.tar.gz")
    assert platform("models", "--name", "nothing-like-it").err == "No such models.\n"
