from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ironworks.server.instances import InstanceAnswer, InstanceLost, InstancePool, InstanceTimeout, NoInstance
from ironworks.serving.invocation import Answer, Invocation
from tests.serving.compiled import write_compiled
from tests.serving.listening import in_loop, listening
from tests.serving.processes import Instances, wait_until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def echo(invocation: Invocation) -> Answer:
    return Answer(invocation.body, f"{invocation.content_type} {invocation.accept}")


class Script:
    """A server that treats its connections, in the order in which they come, as it was told to."""

    def __init__(self, socket: Path, *steps: bytes | None) -> None:
        self.socket = socket
        self.steps = list(steps)
        self.connections = 0
        self.heads: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while self.steps:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                step = self.steps.pop(0)
                if step is None:
                    return
                writer.write(step)
            await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def scripted(*steps: bytes | None) -> AsyncIterator[Script]:
    """Each step answers one request with these bytes; None closes the connection instead."""
    with tempfile.TemporaryDirectory(prefix="iw-") as folder:
        script = Script(Path(folder) / "s", *steps)
        server = await asyncio.start_unix_server(script, str(script.socket))
        try:
            yield script
        finally:
            server.close()


@asynccontextmanager
async def pool(*sockets: Path) -> AsyncIterator[InstancePool]:
    pool = InstancePool(patience=0)
    pool.set_instances("key", sockets)
    try:
        yield pool
    finally:
        await pool.close()
        await asyncio.sleep(0)


def invoke(
    pool: InstancePool, body: bytes = b"", timeout: float = 10, **headers: str
) -> Awaitable[InstanceAnswer]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return pool.invoke("key", body=body, headers=named, timeout=timeout)


@in_loop
async def test_a_request_reaches_the_instance_and_its_answer_comes_back() -> None:
    async with listening(echo) as instance, pool(instance.socket) as instances:
        for body in (b"", b"abc", bytes(90_000)):
            answer = await invoke(instances, body, content_type="a/b", accept="c/d")
            assert (answer.status, answer.headers["content-type"], answer.body) == (200, "a/b c/d", body)


@in_loop
async def test_headers_of_the_callers_own_connection_are_not_passed_on() -> None:
    async with scripted(OK) as script, pool(script.socket) as instances:
        await invoke(
            instances, b"", expect="100-continue", Content_Length="7", connection="close", x_mine="1"
        )
    assert script.heads == [
        b"POST /invocations HTTP/1.1\r\nhost: instance\r\ncontent-length: 0\r\nx-mine: 1\r\n\r\n"
    ]


@in_loop
async def test_a_line_break_in_a_header_is_refused() -> None:
    async with listening(echo) as instance, pool(instance.socket) as instances:
        with pytest.raises(ValueError, match="accept has a line break"):
            await invoke(instances, accept="a\r\nx: y")


@in_loop
async def test_instances_that_cannot_be_reached_are_passed_over() -> None:
    dead = [Path(f"/nowhere/{number}") for number in range(3)]
    for order in range(4):
        async with listening(echo) as instance, pool(*dead[:order], instance.socket, *dead[order:]) as live:
            assert [(await invoke(live, b"x")).body for _ in range(5)] == [b"x"] * 5


@in_loop
async def test_a_connection_is_used_again() -> None:
    async with scripted(*[OK] * 5) as script, pool(script.socket) as instances:
        for _ in range(5):
            await invoke(instances)
    assert script.connections == 1


@in_loop
async def test_an_instance_that_says_close_gets_a_new_connection() -> None:
    closing = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    async with scripted(closing, OK) as script, pool(script.socket) as instances:
        for _ in range(2):
            assert (await invoke(instances)).body == b"ok"
    assert script.connections == 2


@in_loop
async def test_chunked_answers_and_interim_answers_are_understood() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    interim = b"HTTP/1.1 100 Continue\r\nx-interim: 1\r\n\r\n" + OK
    async with scripted(chunked, interim) as script, pool(script.socket) as instances:
        assert (await invoke(instances)).body == b"abc"
        answer = await invoke(instances)
        assert (answer.status, answer.body, "x-interim" in answer.headers) == (200, b"ok", False)


@in_loop
async def test_requests_are_spread_over_instances_in_turn() -> None:
    async with scripted(*[OK] * 6) as one, scripted(*[OK] * 6) as two, scripted(*[OK] * 6) as three:
        async with pool(one.socket, two.socket, three.socket) as instances:
            for _ in range(9):
                await invoke(instances)
        assert [len(script.heads) for script in (one, two, three)] == [3, 3, 3]


@in_loop
async def test_a_busy_instance_is_passed_over() -> None:
    release = threading.Event()

    def slow(_: Invocation) -> Answer:
        release.wait(10)
        return Answer(b"slow")

    async with listening(slow) as busy, listening(echo) as free, pool(busy.socket, free.socket) as instances:
        first = [asyncio.ensure_future(invoke(instances, b"a")) for _ in range(2)]
        done, _ = await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        assert len(done) == 1
        assert [(await invoke(instances, b"b")).body for _ in range(4)] == [b"b"] * 4
        release.set()
        assert {(await answer).body for answer in first} == {b"a", b"slow"}


@in_loop
async def test_a_connection_that_breaks_before_the_answer_is_retried_on_another_instance() -> None:
    async with (
        scripted(None) as broken,
        scripted(OK, OK) as sound,
        pool(broken.socket, sound.socket) as instances,
    ):
        assert (await invoke(instances)).body == b"ok"
        assert (len(broken.heads), len(sound.heads)) == (1, 1)


@in_loop
async def test_a_lone_instance_is_asked_again_through_a_new_connection() -> None:
    async with scripted(OK, None, OK) as script, pool(script.socket) as instances:
        assert [(await invoke(instances)).body for _ in range(2)] == [b"ok", b"ok"]
    assert script.connections == 2


@in_loop
async def test_the_second_break_is_an_error() -> None:
    async with scripted(None, None, OK) as script, pool(script.socket) as instances:
        with pytest.raises(InstanceLost, match="broke the connection"):
            await invoke(instances)
    assert len(script.heads) == 2


@in_loop
async def test_an_answer_that_breaks_off_is_not_retried() -> None:
    cut = OK[:-1]
    async with scripted(cut, None) as script, pool(script.socket) as instances:
        asking = asyncio.ensure_future(invoke(instances, timeout=0.2))
        with pytest.raises(InstanceTimeout):
            await asking
        assert len(script.heads) == 1


@in_loop
async def test_an_answer_cut_off_by_the_end_of_the_connection_is_an_error() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK[:-1])
        writer.close()

    with tempfile.TemporaryDirectory(prefix="iw-") as folder:
        server = await asyncio.start_unix_server(cut, f"{folder}/s")
        async with pool(Path(folder) / "s") as instances:
            with pytest.raises(InstanceLost):
                await invoke(instances)
        server.close()


@in_loop
async def test_an_answer_that_is_not_http_is_an_error() -> None:
    async with scripted(b"nonsense\r\n\r\n") as script, pool(script.socket) as instances:
        with pytest.raises(InstanceLost):
            await invoke(instances)


@in_loop
async def test_a_connection_that_speaks_unasked_is_closed() -> None:
    async with scripted(OK + OK, OK) as script, pool(script.socket) as instances:
        assert [(await invoke(instances)).body for _ in range(2)] == [b"ok", b"ok"]
    assert script.connections == 2


@in_loop
async def test_none_live_is_an_error() -> None:
    async with pool() as instances:
        with pytest.raises(NoInstance, match="No instance of key is live"):
            await invoke(instances)


@in_loop
async def test_a_socket_that_nobody_listens_on_is_not_asked_again() -> None:
    with tempfile.TemporaryDirectory(prefix="iw-") as folder:
        nobody = Path(folder) / "s"
        async with pool(nobody) as instances:
            with pytest.raises(NoInstance):
                await invoke(instances)
        async with listening(echo) as instance, pool(nobody, instance.socket) as instances:
            assert [(await invoke(instances, b"x")).body for _ in range(4)] == [b"x"] * 4


@in_loop
async def test_a_request_waits_for_the_instance_that_comes_in_place_of_a_dead_one() -> None:
    async with listening(echo) as other, listening(echo) as new, pool(Path("/dead")) as instances:
        instances.patience = 20
        asking = [asyncio.ensure_future(invoke(instances, b"x")) for _ in range(3)]
        await asyncio.sleep(0.01)
        instances.set_instances("another key", [other.socket])
        instances.set_instances("key", [])
        await asyncio.sleep(0.01)
        assert not any(answer.done() for answer in asking)
        instances.set_instances("key", [new.socket])
        assert [(await answer).body for answer in asking] == [b"x"] * 3


@in_loop
async def test_a_request_that_breaks_two_instances_does_not_get_a_third() -> None:
    async with (
        scripted(None) as one,
        scripted(None) as two,
        scripted(None) as three,
        pool(one.socket, two.socket, three.socket) as instances,
    ):
        with pytest.raises(InstanceLost):
            await invoke(instances, b"poison")
        assert sorted(len(script.heads) for script in (one, two, three)) == [0, 1, 1]


@in_loop
async def test_an_answer_that_does_not_come_in_time_is_an_error_and_the_next_request_fares_well() -> None:
    release = threading.Event()

    def slow(invocation: Invocation) -> Answer:
        if invocation.body == b"slow":
            release.wait(10)
        return Answer(invocation.body)

    async with listening(slow) as instance, pool(instance.socket) as instances:
        with pytest.raises(InstanceTimeout):
            await invoke(instances, b"slow", timeout=0.05)
        release.set()
        assert (await invoke(instances, b"next")).body == b"next"


@in_loop
async def test_a_cancelled_request_leaves_no_connection_behind() -> None:
    release = threading.Event()

    def slow(invocation: Invocation) -> Answer:
        release.wait(10)
        return Answer(invocation.body)

    async with listening(slow) as instance, pool(instance.socket) as instances:
        asking = asyncio.ensure_future(invoke(instances, b"first"))
        while not instance.server.connections():
            await asyncio.sleep(0.001)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        release.set()
        assert (await invoke(instances, b"second")).body == b"second"
        while instance.server.connections() > 1:
            await asyncio.sleep(0.001)


@in_loop
async def test_an_instance_that_goes_loses_its_idle_connections_and_keeps_those_that_wait() -> None:
    computing, release = threading.Event(), threading.Event()

    def slow(invocation: Invocation) -> Answer:
        if invocation.body == b"slow":
            computing.set()
            release.wait(10)
        return Answer(invocation.body)

    async with listening(slow) as old, listening(echo) as new, pool(old.socket) as instances:
        waiting = asyncio.ensure_future(invoke(instances, b"slow"))
        while not computing.is_set():
            await asyncio.sleep(0.001)
        changing = threading.Thread(target=instances.set_instances, args=("key", [new.socket]))
        changing.start()
        changing.join()
        assert (await invoke(instances, b"x", accept="new")).headers["content-type"] == "application/json new"
        release.set()
        assert (await waiting).body == b"slow"
        while old.server.connections():
            await asyncio.sleep(0.001)


@in_loop
async def test_an_instance_that_stays_keeps_its_connections() -> None:
    async with scripted(*[OK] * 4) as script, listening(echo) as other, pool(script.socket) as instances:
        await invoke(instances)
        instances.set_instances("key", [script.socket, other.socket])
        instances.set_instances("key", [script.socket])
        await invoke(instances)
    assert script.connections == 1


@in_loop
async def test_a_burst_leaves_few_connections_open() -> None:
    async with listening(echo) as instance, pool(instance.socket) as instances:
        answers = await asyncio.gather(*(invoke(instances, b"%d" % index) for index in range(200)))
        assert [answer.body for answer in answers] == [b"%d" % index for index in range(200)]
        while instance.server.connections() > 32:
            await asyncio.sleep(0.001)


@in_loop
async def test_requests_that_share_connections_get_their_own_answers() -> None:
    async with listening(echo) as instance, pool(instance.socket) as instances:

        async def client(name: int) -> None:
            for index in range(100):
                body = b"%d %d" % (name, index)
                assert (await invoke(instances, body)).body == body

        await asyncio.gather(*(client(name) for name in range(5)))


@in_loop
async def test_cancelled_requests_do_not_disturb_the_others() -> None:
    async with listening(echo) as instance, pool(instance.socket) as instances:

        async def client(name: int) -> None:
            for index in range(100):
                body = b"%d %d" % (name, index)
                asking = asyncio.ensure_future(invoke(instances, body))
                if (name + index) % 3 == 0:
                    await asyncio.sleep(0)
                    asking.cancel()
                    await asyncio.wait([asking])
                else:
                    assert (await asking).body == body

        await asyncio.gather(*(client(name) for name in range(5)))


@in_loop
async def test_ping_says_whether_the_instance_answers() -> None:
    refusing = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
    async with listening(echo) as instance, scripted(refusing) as refuser, scripted(None) as breaker:
        pool = InstancePool()
        sockets = [instance.socket, refuser.socket, breaker.socket, Path("/nobody/listens/here")]
        assert [await pool.ping(socket) for socket in sockets] == [True, False, False, False]


@in_loop
async def test_ping_gives_up_on_an_instance_that_says_nothing() -> None:
    async with scripted(b"") as silent:
        assert not await InstancePool().ping(silent.socket, timeout=0.05)


@pytest.fixture
def blocking_model(tmp_path: Path) -> Path:
    """A compiled model whose hook blocks for the payload `block`, until it is killed."""
    write_compiled(tmp_path)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "inference.py").write_text(
        "import os, pathlib, time\n"
        "def neo_preprocess(payload, content_type):\n"
        "    first = pathlib.Path(__file__).parent / 'first'\n"
        "    if payload == b'block' and not first.exists():\n"
        "        first.write_text(str(os.getpid()))\n"
        "        time.sleep(60)\n"
        "    return [1, 2, 3, 4]\n"
        "def neo_postprocess(result): return str(os.getpid())\n"
    )
    return tmp_path


@pytest.fixture
def instances() -> Iterator[Instances]:
    folder = Path(tempfile.mkdtemp(prefix="iw-"))
    instances = Instances(folder)
    yield instances
    instances.close()
    shutil.rmtree(folder)


def test_a_request_survives_the_killing_of_the_instance_that_answers_it(
    blocking_model: Path, instances: Instances
) -> None:
    processes = [instances.start(blocking_model) for _ in range(2)]
    for process in processes:
        process.until_ready()
    first = blocking_model / "code" / "first"

    @in_loop
    async def test() -> None:
        async with pool(*(process.socket for process in processes)) as live:
            asking = asyncio.ensure_future(invoke(live, b"block"))
            while not (first.exists() and first.read_text()):
                await asyncio.sleep(0.01)
            victim = next(process for process in processes if process.process.pid == int(first.read_text()))
            victim.process.kill()
            assert (await asking).body != first.read_text().encode()
            others = {(await invoke(live)).body for _ in range(6)}
            assert others == {b"%d" % process.process.pid for process in processes if process is not victim}

    test()


def test_no_request_is_lost_while_an_instance_ends(blocking_model: Path, instances: Instances) -> None:
    processes = [instances.start(blocking_model) for _ in range(2)]
    for process in processes:
        process.until_ready()

    @in_loop
    async def test() -> None:
        async with pool(*(process.socket for process in processes)) as live:

            async def client(count: int) -> list[int]:
                return [(await invoke(live)).status for _ in range(count)]

            clients = [asyncio.ensure_future(client(100)) for _ in range(4)]
            await invoke(live)
            processes[0].process.send_signal(signal.SIGTERM)
            assert {status for statuses in await asyncio.gather(*clients) for status in statuses} == {200}

    test()
    wait_until(lambda: processes[0].process.poll() is not None)
    assert processes[0].process.returncode == 0
