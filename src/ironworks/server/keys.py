"""The credentials that callers sign with.

One permanent key pair is generated at first start. Temporary credentials, as `AssumeRole` gives them, are
not stored anywhere: their secret and their session token are derived from the permanent secret.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
import string
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path

from ironworks.errors import PlatformError

ROLE_NAME = "IronworksExecutionRole"
"""The role that the permanent key pair acts in, and that jobs may be given."""

_KEY_ALPHABET = string.ascii_uppercase + "234567"


@dataclass(frozen=True)
class Identity:
    """Who an access key belongs to: a session of a role."""

    secret_access_key: str
    role_name: str
    session_name: str
    expires: datetime | None = None


@dataclass(frozen=True)
class TemporaryCredentials:
    """What AssumeRole answers."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expires: datetime


@dataclass(frozen=True)
class Keys:
    """The permanent key pair and the account number of an installation."""

    access_key_id: str
    secret_access_key: str
    account: str

    @classmethod
    def open(cls, path: Path) -> Keys:
        """Read the keys, or generate them at first use (file mode 0600).

        Raises:
            PlatformError: the file is there and cannot be used.
        """
        if not path.exists():
            write_private(path, json.dumps(asdict(cls._generate()), indent=2))
        try:
            keys = cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise PlatformError(
                f"The access keys in {path} cannot be read ({error}). Put the file back from a copy; or delete it, "
                'start the server again for new keys, and repeat: eval "$(ironworks env)".'
            ) from error
        if not all(isinstance(part, str) and part for part in asdict(keys).values()):
            raise PlatformError(f"The access keys in {path} are not texts. Put the file back from a copy.")
        return keys

    @classmethod
    def _generate(cls) -> Keys:
        return cls(
            access_key_id=_access_key_id("AKIA"),
            secret_access_key=secrets.token_urlsafe(30),
            account=str(secrets.randbelow(9 * 10**11) + 10**11),
        )

    def identify(self, access_key_id: str, session_token: str | None) -> Identity | None:
        """Whose access key this is; None if it is nobody's or its token does not belong to it."""
        if access_key_id == self.access_key_id:
            return self._permanent
        return None if session_token is None else self._identify_temporary(access_key_id, session_token)

    def issue(self, role_name: str, session_name: str, expires: datetime) -> TemporaryCredentials:
        """Temporary credentials for a session of a role."""
        access_key_id = _access_key_id("ASIA")
        claims = json.dumps([access_key_id, role_name, session_name, int(expires.timestamp())]).encode()
        token = base64.b64encode(claims).decode() + "." + self._derive("token", claims)
        return TemporaryCredentials(access_key_id, self._derive("secret", claims), token, expires)

    @cached_property
    def _permanent(self) -> Identity:
        return Identity(self.secret_access_key, ROLE_NAME, "ironworks")

    def _identify_temporary(self, access_key_id: str, session_token: str) -> Identity | None:
        encoded, _, mac = session_token.partition(".")
        try:
            claims = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            return None
        if not hmac.compare_digest(mac.encode(), self._derive("token", claims).encode()):
            return None
        owner, role_name, session_name, expires = json.loads(claims)
        if owner != access_key_id:
            return None
        moment = datetime.fromtimestamp(expires, timezone.utc)
        return Identity(self._derive("secret", claims), role_name, session_name, moment)

    def _derive(self, purpose: str, claims: bytes) -> str:
        key = self.secret_access_key.encode()
        return hmac.new(key, purpose.encode() + b"\0" + claims, hashlib.sha256).hexdigest()


def _access_key_id(prefix: str) -> str:
    return prefix + "".join(secrets.choice(_KEY_ALPHABET) for _ in range(16))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read (mode 0600). One that is there already is left as it is."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    try:
        os.link(temporary, path)  # unlike rename, this never replaces keys that another process just made
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
