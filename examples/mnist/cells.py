"""Run a notebook kept as a Python file: cell by cell (`# %% title`), with the time of each, a digit as a picture.

python cells.py NOTEBOOK.py

Runs in the environment of the notebook's SDK, so it needs nothing but NumPy.
"""

import re
import sys
import time
from pathlib import Path

import numpy as np

_HALF_BLOCKS = {(0, 0): " ", (1, 0): "▀", (0, 1): "▄", (1, 1): "█"}
_BAR = 40


class Indented:
    """A stream that moves every line to the right, so that the cells' own output stands apart.

    It remembers the last validation accuracy that came past.
    """

    def __init__(self, stream, margin="    │ "):
        self.stream = stream
        self.margin = margin
        self.at_start = True
        self.accuracy = None

    def write(self, text):
        found = re.findall(r"Validation-accuracy=([0-9.]+)", text)
        self.accuracy = float(found[-1]) if found else self.accuracy
        for line in text.splitlines(keepends=True):
            self.stream.write(self.margin + line if self.at_start else line)
            self.at_start = line.endswith("\n")
        self.stream.flush()
        return len(text)

    def flush(self):
        self.stream.flush()

    def isatty(self):
        return self.stream.isatty()

    def end_line(self):
        if not self.at_start:
            self.write("\n")


def cells(notebook):
    """Title and source of each cell; line numbers are those of the file."""
    lines = notebook.read_text().splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("# %%")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield lines[start].replace("# %%", "").strip(), "\n" * start + "\n".join(lines[start:end])


def picture(image):
    """An image (28, 28) of 0 to 1 as text, two rows of pixels a line."""
    ink = (np.reshape(image, (28, 28)) > 0.35).astype(int)
    rows = zip(ink[::2], ink[1::2], strict=True)
    pairs = (zip(upper, lower, strict=True) for upper, lower in rows)
    return ["".join(_HALF_BLOCKS[pair] for pair in row).rstrip() for row in pairs]


def bars(probabilities):
    """Ten probabilities as a chart."""
    best = int(np.argmax(probabilities))
    for digit, probability in enumerate(probabilities):
        mark = "◀" if digit == best else ""
        yield f"{digit} {'█' * round(_BAR * probability):{_BAR}} {probability:.4f} {mark}".rstrip()


def run(notebook, out):
    """Run all cells; (title, seconds) of each."""
    namespace = {"__name__": "__main__", "__file__": str(notebook)}
    times = []
    for title, source in cells(notebook):
        out.stream.write(f"\n  ▸ {title}\n")
        seen, started = set(namespace), time.monotonic()
        exec(compile(source, str(notebook), "exec"), namespace)
        times.append((title, time.monotonic() - started))
        out.end_line()
        for name, show in (("data", picture), ("response", bars)):
            if name in namespace and name not in seen:
                out.write("\n" + "".join(f"  {line}\n" for line in show(namespace[name])) + "\n")
        out.stream.write(f"    └ {times[-1][1]:.1f} s\n")
        out.flush()
    return times


def main():
    out = Indented(sys.stdout)
    sys.stdout = sys.stderr = out
    try:
        times = run(Path(sys.argv[1]), out)
    except KeyboardInterrupt:
        sys.exit(130)
    out.stream.write("\n  Time of each step\n")
    for title, seconds in times:
        out.stream.write(f"  {seconds:7.1f} s  {title}\n")
    out.stream.write(f"  {sum(seconds for _, seconds in times):7.1f} s  in all\n")
    if out.accuracy is not None:
        out.stream.write(f"\n  Accuracy on the 10,000 test images: {out.accuracy:.2%}\n")


if __name__ == "__main__":
    main()
