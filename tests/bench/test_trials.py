import pytest

from ironworks.bench.floor import floor
from ironworks.bench.trials import Plan, Side, measure
from ironworks.errors import ClientError
from tests.bench.servers import REQUEST, answering, ok


def test_the_sides_take_turns_and_the_warm_up_is_not_counted() -> None:
    order: list[str] = []
    said: list[str] = []
    counted: list[tuple[int, int]] = []

    def side(name: str, destination: object) -> Side:
        def make() -> object:
            order.append(name)
            return destination

        return Side(name, make)

    with answering(lambda _: ok()) as (a, seen_a), answering(lambda _: ok()) as (b, seen_b):
        samples = measure(
            [side("A", a), side("B", b)], Plan(3, 10, 2), said.append, lambda *pair: counted.append(pair)
        )
    assert order[4:] == ["A", "B"] * 3, "after two destinations of each warm-up"
    assert {name: [len(one.times) for one in trials] for name, trials in samples.items()} == {
        "A": [10] * 3,
        "B": [10] * 3,
    }
    assert len(seen_a) == len(seen_b) == 1 + 20 + 30
    assert said[:2] == ["Warming up A", "Warming up B"] and said[-1] == "Trial 3 of 3: B"
    assert counted[-1] == (90, 100)


def test_a_rate_makes_it_an_open_loop() -> None:
    with answering(lambda _: ok()) as (destination, _):
        samples = measure(
            [Side("A", lambda: destination)], Plan(1, 10, 2, rate=100), lambda _: None, lambda *_: None
        )
    assert samples["A"][0].seconds >= 0.09


def test_a_side_that_answers_with_an_error_is_not_measured() -> None:
    reply = b"HTTP/1.1 415 No\r\nContent-Length: 9\r\n\r\nSend npy."
    with (
        answering(lambda _: reply) as (destination, _),
        pytest.raises(ClientError, match=r"The first request to A failed \(status 415\)\. Send npy\."),
    ):
        measure([Side("A", lambda: destination)], Plan(1, 10, 1), lambda _: None, lambda *_: None)


def test_the_floor_of_the_load_generator_is_measured() -> None:
    least = floor(REQUEST)
    assert least.answered == 3000 and least.failed == 0 and least.p50 > 0
