"""Pictures of the command line for the docs: `python docs_site/screens.py` runs the commands and draws what they show.

It needs MXNet's environment and the MNIST data, which it makes and fetches if they are not there.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
PROGRAM = Path(sys.executable).with_name("ironworks")
COLUMNS = 80
DATA = "s3://sagemaker-sample-data-us-west-2/mxnet/mnist"
_CURSOR = re.compile(r"\x1b\[\?25[lh]|\r")
_ERASED = "\x1b[2K"
_UP = "\x1b[1A"
_FONTS = re.compile(r"@font-face \{.*?\}", re.DOTALL)
_LAST_LINES = 14

SCREENS = {
    "train": f"train examples/mnist/mnist.py -c train={DATA}/train -c test={DATA}/test --name mnist",
    "compile": "compile --job mnist --shape data=1,784 --target ml_c5 --name mnist-fast",
    "jobs": "jobs",
    "job": "job mnist",
    "deploy": "deploy mnist-fast --name digits --instances 2",
    "invoke": "invoke digits --file docs/images/seven.png",
    "endpoints": "endpoints digits",
    "bench": "bench digits --trials 5 --requests 500",
    "help": "--help",
}


def main() -> None:
    """Run the commands on an installation of their own and write a picture of each."""
    folder = Path(tempfile.mkdtemp(prefix="iw-"))
    os.environ["IRONWORKS_HOME"] = str(folder / "home")
    ironworks("up --port 0")
    try:
        for name, command in SCREENS.items():
            shown = terminal(command)
            if name != "deploy":
                draw(name, f"ironworks {command}", shown)
    finally:
        ironworks("down --all")
        shutil.rmtree(folder)


def ironworks(command: str) -> None:
    """Run a command that nobody looks at."""
    subprocess.run([PROGRAM, *command.split()], check=True, cwd=ROOT)


def terminal(command: str) -> str:
    """What a terminal of 80 columns has in the end."""
    controller, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    environ = {**os.environ, "TERM": "xterm-256color"}
    with subprocess.Popen(
        [PROGRAM, *command.split()],
        stdin=end,
        stdout=end,
        stderr=end,
        env=environ,
        cwd=ROOT,
    ) as process:
        os.close(end)
        output = b""
        try:
            while block := os.read(controller, 65536):
                output += block
        except OSError:  # which is how Linux says that the other end was closed
            pass
    os.close(controller)
    if process.returncode:
        sys.exit(f"ironworks {command}: {output.decode()}")
    lines: list[str] = []
    for line in _CURSOR.sub("", output.decode()).split("\n"):
        del lines[len(lines) - line.count(_UP) :]  # these lines were erased
        lines.append(line.rpartition(_ERASED)[2])
    return "\n".join(lines)


def draw(name: str, command: str, shown: str) -> None:
    """Write `docs/images/cli-NAME.svg`."""
    lines = shown.rstrip().split("\n")
    if name == "train":
        lines = lines[-_LAST_LINES:]
    console = Console(width=COLUMNS, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    console.print(Text(f"$ {command}", style="bold"))
    console.print(Text.from_ansi("\n".join(lines)))
    picture = console.export_svg(title="ironworks", theme=MONOKAI)
    (IMAGES / f"cli-{name}.svg").write_text(_FONTS.sub("", picture))


if __name__ == "__main__":
    main()
