import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironworks.server.activation import activated, restored, settings

NAMES = st.sampled_from(
    [
        "AWS_PROFILE",
        "AWS_REGION",
        "HTTPS_PROXY",
        "NO_PROXY",
        "AWS_ENDPOINT_URL_S3",
        "PATH",
        "AWS_ACCESS_KEY_ID",
    ]
)
ENVIRONMENTS = st.dictionaries(NAMES, st.text(alphabet="ab,*.'\" \n$", max_size=8))


def values(environ: dict[str, str], url: str = "http://127.0.0.1:8750") -> dict[str, str | None]:
    return settings(environ, url, "AKIA", "secret")


@given(ENVIRONMENTS)
def test_what_was_set_before_comes_back(environ: dict[str, str]) -> None:
    assert restored(activated(environ, values(environ))) == environ


@given(ENVIRONMENTS)
def test_a_second_activation_keeps_what_was_before_the_first(environ: dict[str, str]) -> None:
    first = activated(environ, values(environ))
    original = restored(first)
    second = activated(original, values(original, "http://127.0.0.1:9999"))
    assert second["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9999"
    assert restored(second) == environ


def test_an_environment_that_was_never_activated_stays() -> None:
    assert restored({"PATH": "/bin"}) == {"PATH": "/bin"}


@pytest.mark.parametrize(
    ("environ", "region"),
    [
        ({}, "us-west-2"),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_REGION": "sa-east-1"}, "sa-east-1"),
    ],
)
def test_the_users_region_is_kept(environ: dict[str, str], region: str) -> None:
    after = activated(environ, values(environ))
    assert after["AWS_REGION"] == after["AWS_DEFAULT_REGION"] == region


@pytest.mark.parametrize(
    "name",
    [
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_ENDPOINT_URL_S3",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "AWS_USE_FIPS_ENDPOINT",
    ],
)
def test_what_would_beat_the_settings_is_removed(name: str) -> None:
    environ = {name: "x"}
    assert name not in activated(environ, values(environ))


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
def test_both_spellings_of_the_proxy_are_ours(name: str) -> None:
    after = activated({name: "http://corporate:3128"}, values({name: "http://corporate:3128"}))
    assert after["HTTPS_PROXY"] == after["https_proxy"] == "http://127.0.0.1:8750"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "127.0.0.1,localhost,::1"),
        ("*", "127.0.0.1,localhost,::1"),
        ("intern.example, .amazonaws.com", "intern.example,127.0.0.1,localhost,::1"),
        ("s3.us-west-2.amazonaws.com:443,*.amazonaws.com.cn,com", "127.0.0.1,localhost,::1"),
        ("localhost,notamazonaws.com,aws.com", "localhost,notamazonaws.com,aws.com,127.0.0.1,::1"),
    ],
)
def test_aws_hosts_go_through_the_gateway_and_this_machine_does_not(before: str, after: str) -> None:
    assert values({"NO_PROXY": before})["NO_PROXY"] == after
    assert values({"NO_PROXY": "ignored", "no_proxy": before})["no_proxy"] == (
        after if before else "ignored," + after
    )
