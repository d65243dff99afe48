"""Several workers behind one pair of sockets: this process accepts, and passes each connection to one of them.

The workers take turns. Were the sockets shared instead, the system would wake the same worker first again and again,
and connections are kept: it would do all the work. A connection costs one message, a request nothing.
"""

from __future__ import annotations

import array
import logging
import os
import selectors
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ironworks.serving.errors import StartupError
from ironworks.serving.listeners import listen_on_address, listen_on_path, remove_path
from ironworks.serving.settings import Settings

_READY = b"r"
_PLAIN, _DIRECT = b"u", b"d"
_ATTEMPTS = 5
"""Workers that may end in a row without having been ready."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_EXIT_SECONDS = 65.0
"""How long ending workers are waited for: somewhat longer than they drain."""

_log = logging.getLogger(__name__)


def serve_by_workers(model: Path, settings: Settings, path: Path, address: str | None) -> bool:
    """Answer requests by `settings.workers` processes until SIGTERM or SIGINT.

    Returns:
        Whether every worker answered what it had begun.

    Raises:
        StartupError: a socket cannot be made, or workers end again and again before they are ready.
    """
    return _Supervisor(model, settings).run(path, address)


@dataclass
class _Worker:
    process: int
    channel: socket.socket
    ready: bool = False


@dataclass
class _Supervisor:
    model: Path
    settings: Settings
    workers: list[_Worker] = field(default_factory=list)
    listeners: dict[socket.socket, bytes] = field(default_factory=dict)
    failures: int = 0
    turn: int = 0
    restarts: list[float] = field(default_factory=list)
    """When workers are to be started in place of those that ended."""

    def run(self, path: Path, address: str | None) -> bool:
        self.selector = selectors.DefaultSelector()
        stop = _signals()
        self.selector.register(stop, selectors.EVENT_READ)
        try:
            for _ in range(self.settings.workers):
                self._start()
            while not all(worker.ready for worker in self.workers):
                if self._wait(stop):
                    return self._end()
            if address is not None:
                self._listen(listen_on_address(address), _DIRECT)
            self._listen(listen_on_path(path), _PLAIN)
            _log.info("Ready on %s with %d workers.", path, len(self.workers))
            while not self._wait(stop):
                pass
            remove_path(path)
            return self._end()
        except BaseException:
            remove_path(path)
            for worker in self.workers:
                os.kill(worker.process, signal.SIGKILL)
            raise

    def _wait(self, stop: socket.socket) -> bool:
        """Do what is to be done next. Whether that is to stop."""
        pause = max(0.0, min(self.restarts) - time.monotonic()) if self.restarts else None
        for key, _ in self.selector.select(pause):
            if key.fileobj is stop:
                return True
            if isinstance(key.data, _Worker):
                self._hear(key.data)
            else:
                self._accept(key.fileobj)  # type: ignore[arg-type]
        due = [moment for moment in self.restarts if moment <= time.monotonic()]
        for moment in due:
            self.restarts.remove(moment)
            self._start()
        return False

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sys.stdout.flush()
        process = os.fork()
        if process == 0:
            self._forget_parent(ours)
            _work(self.model, self.settings, theirs)
        theirs.close()
        worker = _Worker(process, ours)
        self.workers.append(worker)
        self.selector.register(ours, selectors.EVENT_READ, worker)

    def _forget_parent(self, ours: socket.socket) -> None:
        """In a worker: what belongs to the process that accepts."""
        signal.set_wakeup_fd(-1)
        self.selector.close()
        for owned in (ours, *self.listeners, *(worker.channel for worker in self.workers)):
            owned.close()

    def _hear(self, worker: _Worker) -> None:
        """A worker is ready, or has ended."""
        with suppress(ConnectionError):
            if worker.channel.recv(1) == _READY:
                worker.ready, self.failures = True, 0
                return
        self._remove(worker)
        _, status = os.waitpid(worker.process, 0)
        code = os.waitstatus_to_exitcode(status)
        if not worker.ready:
            self.failures += 1
            if code == 1 and not self.listeners:
                raise SystemExit(1)  # it has said why, as its last line
        if self.failures >= _ATTEMPTS:
            raise StartupError(
                f"{self.failures} workers in a row ended before they were ready, the last with code {code}: giving up."
            )
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**self.failures) if self.failures else 0.0
        _log.error("Worker %d ended with code %d; another takes its place.", worker.process, code)
        self.restarts.append(time.monotonic() + pause)

    def _remove(self, worker: _Worker) -> None:
        self.selector.unregister(worker.channel)
        worker.channel.close()
        self.workers.remove(worker)

    def _listen(self, listener: socket.socket, kind: bytes) -> None:
        listener.setblocking(False)
        self.listeners[listener] = kind
        self.selector.register(listener, selectors.EVENT_READ)

    def _accept(self, listener: socket.socket) -> None:
        """Pass all that wait to be accepted to the workers, in turn."""
        while True:
            try:
                client, _ = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            with client:
                self._pass_on(client, self.listeners[listener])

    def _pass_on(self, client: socket.socket, kind: bytes) -> None:
        descriptors = array.array("i", [client.fileno()])
        ready = [worker for worker in self.workers if worker.ready]
        for _ in ready:
            self.turn += 1
            channel = ready[self.turn % len(ready)].channel
            with suppress(OSError):  # it has just ended: the next
                channel.sendmsg([kind], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
                return

    def _end(self) -> bool:
        """Pass on who has come, and wait until every worker has answered."""
        for listener in self.listeners:
            self._accept(listener)
            listener.close()
        for worker in self.workers:
            os.kill(worker.process, signal.SIGTERM)
        deadline = time.monotonic() + _EXIT_SECONDS
        codes = [_exit_code(worker.process, deadline) for worker in self.workers]
        return not any(codes)


def _signals() -> socket.socket:
    """A socket that can be read from when SIGTERM or SIGINT has come."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    signal.set_wakeup_fd(theirs.detach())
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: None)
    return ours


def _exit_code(process: int, deadline: float) -> int:
    while time.monotonic() < deadline:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(process, signal.SIGKILL)
    return 1


def _work(model: Path, settings: Settings, channel: socket.socket) -> None:
    """The life of a worker, in the process that was forked for it."""
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, signal.SIG_DFL)
    code = 1
    try:
        from ironworks.serving import instance

        server = instance.make_server(instance.prepare(model, settings), settings)
        with instance.stopping() as stopped, instance.answering(server):
            server.take_over(channel.fileno())
            channel.send(_READY)
            stopped.wait()
            code = 0 if instance.finish(server) else 1
    except StartupError as error:
        sys.stdout.flush()
        sys.stderr.write(" ".join(str(error).split()) + "\n")
    except BaseException:
        _log.exception("A worker failed.")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # what the first process has to do at its end is not for this one
