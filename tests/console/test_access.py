"""One-time links, sessions and the tokens of forms."""

from __future__ import annotations

import pytest

from ironworks.console.access import LINK_SECONDS, SESSION_SECONDS, Access, Refused, make_link_token

SECRET = "a secret"
NOW = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def access(clock: Clock) -> Access:
    return Access(SECRET, NOW, clock)


def test_a_link_opens_a_session(access: Access) -> None:
    session = access.use_link(make_link_token(SECRET, NOW))
    assert access.session(session.text) == session


def test_a_link_is_good_for_one_time_only(access: Access) -> None:
    token = make_link_token(SECRET, NOW)
    access.use_link(token)
    with pytest.raises(Refused, match="has been used"):
        access.use_link(token)


def test_a_link_ends_by_itself(access: Access, clock: Clock) -> None:
    token = make_link_token(SECRET, NOW)
    clock.now += LINK_SECONDS + 1
    with pytest.raises(Refused, match="older than 5 minutes"):
        access.use_link(token)


def test_a_link_from_before_the_server_was_started_is_refused_because_it_may_have_been_used(
    clock: Clock,
) -> None:
    token = make_link_token(SECRET, NOW)
    clock.now += 10
    with pytest.raises(Refused, match="older than the server"):
        Access(SECRET, clock.now, clock).use_link(token)


def test_a_link_that_was_made_before_anybody_looked_at_the_console_is_good(clock: Clock) -> None:
    token = make_link_token(SECRET, NOW)
    clock.now += 3
    assert Access(SECRET, NOW + 0.9, clock).use_link(token)


def test_a_used_link_is_remembered_for_as_long_as_it_could_be_used(access: Access, clock: Clock) -> None:
    first = make_link_token(SECRET, NOW)
    access.use_link(first)
    clock.now += LINK_SECONDS - 1
    access.use_link(make_link_token(SECRET, clock.now))
    with pytest.raises(Refused, match="has been used"):
        access.use_link(first)


@pytest.mark.parametrize("token", ["", ".", "x", "1800000000.nonce", "1800000000.nonce.mac", "ä.ö.ü"])
def test_what_is_no_link_is_refused(access: Access, token: str) -> None:
    with pytest.raises(Refused, match="not made for this installation"):
        access.use_link(token)
    assert access.session(token) is None


def test_a_link_of_another_installation_is_refused(access: Access) -> None:
    with pytest.raises(Refused, match="not made for this installation"):
        access.use_link(make_link_token("another secret", NOW))


def test_a_link_is_no_session_and_a_session_is_no_link(access: Access) -> None:
    token = make_link_token(SECRET, NOW)
    assert access.session(token) is None
    session = access.use_link(token)
    with pytest.raises(Refused, match="not made"):
        access.use_link(session.text)


def test_a_session_ends_by_itself_and_by_signing_out(access: Access, clock: Clock) -> None:
    one, other = (access.use_link(make_link_token(SECRET, NOW)) for _ in range(2))
    access.end(one)
    assert access.session(one.text) is None
    assert access.session(other.text) is not None
    clock.now += SESSION_SECONDS + 1
    assert access.session(other.text) is None


def test_a_session_outlives_the_server_that_began_it(access: Access, clock: Clock) -> None:
    session = access.use_link(make_link_token(SECRET, NOW))
    clock.now += 60
    assert Access(SECRET, clock.now, clock).session(session.text) == session


def test_a_form_belongs_to_the_session_that_it_was_made_for(access: Access) -> None:
    one, other = (access.use_link(make_link_token(SECRET, NOW)) for _ in range(2))
    assert access.owns(one, one.form_token)
    assert not access.owns(one, other.form_token)
    assert not access.owns(one, "")
