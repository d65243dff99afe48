"""The folders and configuration files that a training script finds under /opt/ml."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ironworks.errors import ClientError
from ironworks.training.spec import TrainingSpec

HOST = "algo-1"
NETWORK_INTERFACE = "eth0"
INSTANCE_GROUP = "homogeneousCluster"

_FOLDERS = (
    "code",
    "input/config",
    "input/data",
    "model",
    "output/data",
    "output/intermediate",
)


@dataclass(frozen=True)
class Layout:
    """The tree of one job.

    Attributes:
        root: where it lies on this machine.
        seen: what the script calls it: `/opt/ml` in a sandbox, else `root`.
    """

    root: Path
    seen: Path

    @property
    def code(self) -> Path:
        """The unpacked source archive, also the working directory."""
        return self.root / "code"

    @property
    def data(self) -> Path:
        """One folder a channel."""
        return self.root / "input" / "data"

    @property
    def model(self) -> Path:
        """What the script leaves here becomes the model artifact."""
        return self.root / "model"

    @property
    def output(self) -> Path:
        """What the script leaves here becomes `output.tar.gz`."""
        return self.root / "output" / "data"

    @property
    def failure(self) -> Path:
        """Where the script may say why it failed."""
        return self.root / "output" / "failure"

    def place(self, path: str) -> Path:
        """Where on this machine a path below /opt/ml lies."""
        return self.root / Path(path).relative_to("/opt/ml")

    def create(self, spec: TrainingSpec) -> None:
        """Make the folders and write the configuration files."""
        for folder in _FOLDERS:
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        for channel in spec.channels:
            (self.data / channel.name).mkdir(exist_ok=True)
        if spec.checkpoints is not None:
            self.place(spec.checkpoints.local_path).mkdir(parents=True, exist_ok=True)
        for name, content in (
            ("hyperparameters", dict(spec.hyperparameters)),
            ("inputdataconfig", input_data_config(spec)),
            ("resourceconfig", resource_config(spec)),
        ):
            (self.root / "input" / "config" / f"{name}.json").write_text(json.dumps(content))

    def own(self, path: Path) -> Path:
        """`path`, which lies below `root`, once it is sure that it still does.

        The script may have put a link to a foreign file in the place of its folders, and what is read
        from there we read with rights that the script does not have.

        Raises:
            ClientError: it leads out of the tree.
        """
        if path.resolve() != self.root.resolve() / path.relative_to(self.root):
            raise ClientError(
                f"The script replaced {self.seen / path.relative_to(self.root)} by a link. Write results into the "
                "folder itself."
            )
        return path


def input_data_config(spec: TrainingSpec) -> dict[str, dict[str, str]]:
    """The content of `inputdataconfig.json`."""
    return {
        channel.name: {
            "TrainingInputMode": "File",
            "S3DistributionType": channel.distribution,
            "RecordWrapperType": channel.record_wrapper,
        }
        for channel in spec.channels
    }


def resource_config(spec: TrainingSpec) -> dict[str, Any]:
    """The content of `resourceconfig.json`."""
    return {
        "current_host": HOST,
        "hosts": [HOST],
        "network_interface_name": NETWORK_INTERFACE,
        "current_instance_type": spec.instance_type,
        "current_group_name": INSTANCE_GROUP,
        "instance_groups": [
            {
                "instance_group_name": INSTANCE_GROUP,
                "instance_type": spec.instance_type,
                "hosts": [HOST],
            }
        ],
    }
