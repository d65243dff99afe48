"""Packs the handler as TorchServe wants it and becomes TorchServe, with one worker, in the current folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from onnx_model import PORT

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
CONFIG = f"""
inference_address=http://127.0.0.1:{PORT}
management_address=http://127.0.0.1:{PORT + 1}
metrics_address=http://127.0.0.1:{PORT + 2}
default_workers_per_model=1
disable_token_authorization=true
enable_metrics_api=false
"""
LOG = """<?xml version="1.0" encoding="UTF-8"?>
<Configuration>
  <Appenders><Console name="console"><PatternLayout pattern="%p %m%n"/></Console></Appenders>
  <Loggers><Root level="warn"><AppenderRef ref="console"/></Root></Loggers>
</Configuration>
"""
"""Otherwise it writes four lines for each request."""


def main() -> None:
    """Neither the archiver nor TorchServe asks for the weights: they are in PEER_MODEL."""
    store = Path("store")
    store.mkdir(exist_ok=True)
    Path("config.properties").write_text(CONFIG)
    Path("log4j2.xml").write_text(LOG)
    archiver = [BIN / "torch-model-archiver", "--model-name", "digits", "--version", "1"]
    files = ["--handler", HERE / "torchserve_handler.py", "--extra-files", HERE / "onnx_model.py"]
    subprocess.run(list(map(str, [*archiver, *files, "--export-path", store, "--force"])), check=True)
    # TorchServe's starter looks for Java on PATH and for Python beside itself.
    os.environ["PATH"] = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    options = ["--start", "--foreground", "--ncs", "--disable-token-auth", "--model-store", str(store)]
    options += ["--models", "digits.mar", "--ts-config", "config.properties", "--log-config", "log4j2.xml"]
    command = [str(BIN / "torchserve"), *options]
    if shutil.which("java") is None:
        sys.exit("TorchServe needs Java 17, and there is no java on PATH.")
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
