import threading
import time

import numpy as np
import pytest

from ironworks.bench.connection import Destination, post
from ironworks.bench.load import closed_loop, open_loop, schedule
from ironworks.errors import ClientError
from tests.bench.servers import answering, ok

MS = 1_000_000


def test_every_request_is_answered_and_timed() -> None:
    with answering(lambda _: ok()) as (destination, seen):
        sample = closed_loop(destination, 1, 50)
    assert len(sample.times) == 50 and (sample.times > 0).all() and sample.errors == {}
    assert set(seen) == {0}, "the connection is kept"
    assert sample.seconds * 1e9 >= sample.times.sum()


def test_clients_share_the_requests() -> None:
    with answering(lambda _: ok()) as (destination, seen):
        sample = closed_loop(destination, 5, 40)
    assert len(sample.times) == len(seen) == 40
    assert len(set(seen)) == 5


def test_a_server_that_closes_is_connected_to_again() -> None:
    with answering(lambda _: ok(head="Connection: close\r\n")) as (destination, seen):
        sample = closed_loop(destination, 2, 12)
    assert len(sample.times) == 12 and sample.errors == {}
    assert len(set(seen)) == 12


def test_errors_are_counted_by_kind_and_not_timed() -> None:
    answers = [
        ok(),
        b"HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\nsad!",
        ok(b""),
        None,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
        ok(),
    ]
    with answering(lambda index: answers[index]) as (destination, _):
        sample = closed_loop(destination, 1, len(answers))
    assert len(sample.times) == 2
    assert sample.errors == {"status 500": 1, "empty answer": 1, "broken connection": 2}
    assert sample.example == "sad!"


def test_a_server_may_end_a_connection_that_is_idle() -> None:
    def answer(index: int) -> bytes:
        if index == 1:
            time.sleep(0.2)  # meanwhile the other connection has been ended, which its head has not announced
        return ok(b'"close"')

    with answering(answer) as (destination, _):
        sample = closed_loop(destination, 2, 2)
    assert len(sample.times) == 2 and sample.errors == {}


def test_requests_that_are_never_answered_fail_after_the_timeout() -> None:
    done = threading.Event()

    def answer(index: int) -> bytes | None:
        if index == 1:
            done.wait(10)
            return None
        return ok()

    with answering(answer) as (destination, _):
        sample = closed_loop(destination, 1, 2, timeout=0.2)
        done.set()
    assert len(sample.times) == 1
    assert sample.errors == {"no answer within 0.2 s": 1}


def test_a_large_body_goes_through_many_clients() -> None:
    request = post("/", "h", {}, bytes(3 << 20))
    with answering(lambda _: ok(), request) as (destination, seen):
        sample = closed_loop(destination, 4, 12)
    assert len(sample.times) == len(seen) == 12 and sample.errors == {}


def test_a_place_where_nobody_listens_is_named() -> None:
    with pytest.raises(ClientError, match=r"Nobody answers at /nowhere/x\.sock"):
        closed_loop(Destination("/nowhere/x.sock", b""), 1, 1)


def test_requests_that_were_due_while_the_server_stalled_are_charged_their_wait() -> None:
    stall = threading.Event()

    def answer(index: int) -> bytes:
        if index == 0:
            stall.wait(0.3)
        return ok()

    with answering(answer) as (destination, _):
        sample = open_loop(destination, 1, 20, rate=100)
    assert len(sample.times) == 20
    # The one connection was busy for 300 ms; the n-th request was due 10 n ms after the first.
    waits = 300 * MS - np.arange(20) * 10 * MS
    assert (sample.times >= waits).all()


def test_an_open_loop_uses_more_connections_only_when_it_must() -> None:
    with answering(lambda _: ok()) as (destination, seen):
        sample = open_loop(destination, 8, 10, rate=20)
    assert len(sample.times) == 10 and sample.seconds >= 9 / 20
    assert len(set(seen)) < 8


def test_an_open_loop_counts_errors_too() -> None:
    with answering(lambda index: None if index % 2 else ok()) as (destination, _):
        sample = open_loop(destination, 1, 10, rate=1000)
    assert len(sample.times) == 5 and sample.errors == {"broken connection": 5}


def test_a_constant_schedule_has_equal_pauses() -> None:
    np.testing.assert_array_equal(schedule(4, 1000, poisson=False), [0, MS, 2 * MS, 3 * MS])


def test_a_poisson_schedule_has_the_rate_and_is_repeatable() -> None:
    due = schedule(20_000, 1000, poisson=True, seed=3)
    pauses = np.diff(due)
    assert (pauses >= 0).all()
    assert pauses.mean() == pytest.approx(MS, rel=0.05) and pauses.std() == pytest.approx(MS, rel=0.05)
    np.testing.assert_array_equal(due, schedule(20_000, 1000, poisson=True, seed=3))
