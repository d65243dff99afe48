"""Who may look: one-time links, sessions and the tokens of forms, all made from the installation's secret key.

Whoever can read the home's keys can make a link, and nobody else: there is no password. All three are texts
`MOMENT.NONCE.MAC`, with the moment in seconds since 1970 and an HMAC-SHA256 over purpose, moment and nonce. What
makes a link good for one time only is that the server remembers the nonces of those that were used, and refuses
links that are older than itself.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

LINK_SECONDS = 300
"""How long a link may be used: long enough to copy it from a terminal."""
SESSION_SECONDS = 12 * 3600

_LINK, _SESSION, _FORM = "console link", "console session", "console form"


class Refused(Exception):
    """A link cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Session:
    """A browser that has signed in; `form_token` is in each of its forms."""

    text: str
    form_token: str


def make_link_token(secret: str, now: float | None = None) -> str:
    """A new one-time token for the installation with this secret access key."""
    return _sign(secret, _LINK, int(time.time() if now is None else now))


class Access:
    """Checks links and sessions for one server process, which was `started` at some second since 1970."""

    def __init__(self, secret: str, started: float, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock = clock
        self._started = int(started)
        self._used: dict[str, float] = {}
        self._ended: dict[str, float] = {}

    def use_link(self, token: str) -> Session:
        """Begin a session with a one-time token.

        Raises:
            Refused: it is none of ours, is too old, or was used before.
        """
        made = self._moment(token, _LINK)
        if made is None:
            raise Refused("This link was not made for this installation, or it was not copied whole.")
        if not made <= self._clock() + 1 or self._clock() - made > LINK_SECONDS:
            raise Refused(f"This link is older than {LINK_SECONDS // 60} minutes.")
        if made < self._started:
            raise Refused("This link is older than the server.")
        if token in self._used:
            raise Refused("This link has been used. Each link opens the console once.")
        _remember(self._used, token, made + LINK_SECONDS, self._clock())
        return self._session(_sign(self._secret, _SESSION, int(self._clock())))

    def session(self, text: str) -> Session | None:
        """The session of a cookie, if it is ours, not over and not ended."""
        began = self._moment(text, _SESSION)
        if began is None or text in self._ended or self._clock() - began > SESSION_SECONDS:
            return None
        return self._session(text)

    def end(self, session: Session) -> None:
        """Sign out: the cookie is worth nothing from now on."""
        _remember(self._ended, session.text, self._clock() + SESSION_SECONDS, self._clock())

    def owns(self, session: Session, form_token: str) -> bool:
        """Whether a form was made for this session."""
        return hmac.compare_digest(form_token.encode(), session.form_token.encode())

    def _session(self, text: str) -> Session:
        return Session(text, _mac(self._secret, _FORM, text))

    def _moment(self, token: str, purpose: str) -> int | None:
        """When a token was made; None if it is not one of ours."""
        claims, _, mac = token.rpartition(".")
        if not hmac.compare_digest(mac.encode(), _mac(self._secret, purpose, claims).encode()):
            return None
        return int(claims.partition(".")[0])


def _sign(secret: str, purpose: str, moment: int) -> str:
    claims = f"{moment}.{secrets.token_urlsafe(16)}"
    return f"{claims}.{_mac(secret, purpose, claims)}"


def _mac(secret: str, purpose: str, claims: str) -> str:
    return hmac.new(secret.encode(), f"{purpose}\0{claims}".encode(), hashlib.sha256).hexdigest()


def _remember(tokens: dict[str, float], token: str, until: float, now: float) -> None:
    """Keep a token until it is over by itself, and no longer."""
    for other in [other for other, end in tokens.items() if end < now]:
        del tokens[other]
    tokens[token] = until
