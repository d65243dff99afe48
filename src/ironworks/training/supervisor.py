"""Stands between the job agent and the user's command, so that nothing of the job outlives the agent.

Run as a script, by path, with Python's own library alone: `python -I -S supervisor.py COMMAND …`.
Standard input is the line to the agent: a byte on it asks the command to end (SIGTERM to all of its
group); its end, which comes by itself when the agent dies, ends everything at once. As a subreaper
(prctl(2)) the supervisor inherits what the command leaves behind, and ends that too.

Exit code: the command's; 128 + N if signal N ended it; 127 if it could not be started.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def main(command: list[str]) -> int:
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    supervisor = os.getpid()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        # Should the supervisor be killed, the command goes with it.
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != supervisor:
            os._exit(127)
        execute(command)
    with contextlib.suppress(OSError):  # the child has done it itself, and may have gone on already
        os.setpgid(child, child)
    # The wish to end is for the command; the supervisor stays until the command has ended.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asked_to_end = threading.Event()
    threading.Thread(target=listen, args=(child, asked_to_end), daemon=True).start()
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(ChildProcessError):
        while True:
            # Asked to end, what the command started may still be saving its work: the agent has the clock.
            if not asked_to_end.is_set():
                kill_children()
            os.wait()
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def execute(command: list[str]) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    # Python ignores it, and a program that we start inherits that.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def listen(child: int, asked_to_end: threading.Event) -> None:
    while os.read(0, 1):
        asked_to_end.set()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGTERM)
    asked_to_end.set()
    while True:  # what dies leaves its children to us, so the next round finds them
        kill_children()
        time.sleep(0.01)


def kill_children() -> None:
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and parent(process) == os.getpid():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(int(process.name), signal.SIGKILL)


def parent(process: Path) -> int:
    try:
        # The second field is the program's name in brackets and may itself hold brackets and blanks.
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))
