"""`ironworks env`: what a shell evaluates to speak to Ironworks."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from ironworks.cli import shells
from ironworks.cli.options import HomeOption, JsonOption, home_at
from ironworks.cli.screen import print_json
from ironworks.cli.shells import Shell
from ironworks.errors import ClientError
from ironworks.home import Home
from ironworks.server.activation import MARKER, SAVED, activated, restored, settings
from ironworks.server.trust import CERTIFICATE, replace, write_bundle

_SDK_OVERRIDE = "SAGEMAKER_USER_CONFIG_OVERRIDE"
_SDK_CONFIG = b"""\
SchemaVersion: '1.0'
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
"""


def env(
    unset: Annotated[bool, typer.Option("--unset", help="Take everything back.")] = False,
    shell: Annotated[
        Shell | None,
        typer.Option(help="Whose language to print; if not given, that of $SHELL.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Print what points AWS clients at the server.

    bash, zsh:   eval "$(ironworks env)"
    fish:        ironworks env | source
    PowerShell:  ironworks env | Out-String | Invoke-Expression
    """
    before = dict(os.environ)
    original = restored(before)
    after = original if unset else activated(original, _settings(home_at(home), original))
    names = {name for name in before.keys() | after.keys() if name == MARKER or name.startswith(SAVED)}
    names |= {name for variables in (before, after) for name in variables.get(MARKER, "").split()}
    if as_json:  # null is for a variable that must not be set
        print_json({name: after.get(name) for name in sorted(names)})
        return
    for statement in shells.statements(shell or shells.of_user(before), before, after, names):
        print(statement)


def _settings(home: Home, original: Mapping[str, str]) -> dict[str, str | None]:
    from ironworks.server.keys import Keys
    from ironworks.server.process import running

    record = running(home)
    if record is None:
        raise ClientError(f"No server runs on {home.path}. Start it first: ironworks up")
    keys = Keys.open(home.keys)
    values = settings(original, record.url, keys.access_key_id, keys.secret_access_key)
    values |= _trust(home, original) | {"IRONWORKS_HOME": str(home.path)}
    if not _has_sdk_configuration(original):
        path = home.path / "sagemaker-sdk.yaml"
        if not path.exists() or path.read_bytes() != _SDK_CONFIG:
            replace(path, _SDK_CONFIG)
        values[_SDK_OVERRIDE] = str(path)
    return values


def _trust(home: Home, original: Mapping[str, str]) -> dict[str, str]:
    """Bundles of the roots that each client would use and of our authority: other HTTPS goes on verifying."""
    general = original.get("SSL_CERT_FILE")
    return {
        name: str(_bundle(home, original.get(name) or general))
        for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
    }


def _bundle(home: Home, roots: str | None) -> Path:
    """The bundle made of `roots`, or of certifi's where the user names none."""
    import hashlib

    if not roots:
        import certifi

        source, target = Path(certifi.where()), home.ca / "bundle.pem"
    else:
        source = Path(roots)
        target = home.ca / f"bundle-{hashlib.sha256(os.fsencode(source)).hexdigest()[:12]}.pem"
    try:
        write_bundle(source, home.ca / CERTIFICATE, target)
    except OSError as error:
        raise ClientError(
            f"The certificates in {error.filename} cannot be read ({error.strerror}). "
            "If AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE or SSL_CERT_FILE names them, correct or unset it."
        ) from error
    return target


def _has_sdk_configuration(original: Mapping[str, str]) -> bool:
    """Whether the user has defaults for the SageMaker SDK, which an override would hide.

    The places are those of the SDK's `sagemaker.config`.
    """
    if _SDK_OVERRIDE in original:
        return True
    if sys.platform == "darwin":
        folder = Path("~/Library/Application Support").expanduser()
    else:
        folder = Path(original.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
    return (folder / "sagemaker" / "config.yaml").exists()
