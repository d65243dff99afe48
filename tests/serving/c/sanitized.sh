#!/bin/sh
# Runs the tests of the server with AddressSanitizer and UBSan: `sh tests/serving/c/sanitized.sh` from the root, with
# gcc and the project's .venv. The extension is put back as it was.
set -e
cd "$(dirname "$0")/../../.."
python=.venv/bin/python
built=src/ironworks/serving/_http.abi3.so
cp "$built" "$built.plain"
trap 'mv "$built.plain" "$built"' EXIT
include=$($python -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
gcc -O1 -g -std=gnu11 -fsanitize=address,undefined -fPIC -shared "-I$include" src/ironworks/serving/c/*.c -o "$built"
# The output is not captured, or a report would be lost with the process.
LD_PRELOAD=$(gcc -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 \
  $python -m pytest -s -q tests/serving/test_http*.py tests/serving/test_workers.py tests/server/test_instances.py
