"""The environment of a shell whose AWS clients speak to Ironworks, and the way back.

What the variables were before is kept in `IRONWORKS_SAVED_*`, and the names that were touched in
`IRONWORKS_ENV`; so a shell can be set up twice, or taken back, whatever was changed in between.
"""

from __future__ import annotations

from collections.abc import Mapping

MARKER = "IRONWORKS_ENV"
SAVED = "IRONWORKS_SAVED_"
DEFAULT_REGION = "us-west-2"

_PROXIES = ("HTTPS_PROXY", "https_proxy")
_EXCEPTIONS = ("NO_PROXY", "no_proxy")

_REMOVED = (
    # Each of these beats, or contradicts, the keys and the address that are set.
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
)


def settings(
    environ: Mapping[str, str], url: str, access_key_id: str, secret_access_key: str
) -> dict[str, str | None]:
    """The variables by which clients find the server at `url`; None for those that must not be set.

    `environ` is the environment as it was before: its region is kept, and its `NO_PROXY` but for AWS's hosts.
    """
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
    removed: dict[str, str | None] = {
        name: None for name in environ if name in _REMOVED or name.startswith("AWS_ENDPOINT_URL_")
    }
    return removed | {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": access_key_id,
        "AWS_SECRET_ACCESS_KEY": secret_access_key,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        **dict.fromkeys(_PROXIES, url),
        **dict.fromkeys(_EXCEPTIONS, _exceptions(environ)),
    }


def activated(environ: Mapping[str, str], values: Mapping[str, str | None]) -> dict[str, str]:
    """`environ`, as it was before any activation, with `values` and what is needed to take them back."""
    changed = {name: value for name, value in values.items() if value is not None or name in environ}
    after = {name: value for name, value in environ.items() if name not in changed}
    after |= {name: value for name, value in changed.items() if value is not None}
    after |= {SAVED + name: environ[name] for name in changed if name in environ}
    return after | {MARKER: " ".join(sorted(changed))}


def restored(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` as it was before it was activated."""
    touched = set(environ.get(MARKER, "").split())
    before = {
        name: value
        for name, value in environ.items()
        if name != MARKER and name not in touched and not name.startswith(SAVED)
    }
    return before | {name: environ[SAVED + name] for name in touched if SAVED + name in environ}


def _exceptions(environ: Mapping[str, str]) -> str:
    """`NO_PROXY` without AWS's hosts, which must go through the gateway, and with this machine.

    An HTTP_PROXY that is set for other purposes would otherwise be asked for the server itself.
    """
    present = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    names = [name.strip() for name in present.split(",")]
    kept = [name for name in names if name and not _excludes_aws(name)]
    return ",".join(dict.fromkeys([*kept, "127.0.0.1", "localhost", "::1"]))


def _excludes_aws(name: str) -> bool:
    domain = name.lower().removeprefix("*").lstrip(".").partition(":")[0]
    return name == "*" or any(
        f".{domain}".endswith(f".{aws}") or f".{aws}".endswith(f".{domain}")
        for aws in ("amazonaws.com", "amazonaws.com.cn")
    )
