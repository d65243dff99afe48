#!/bin/sh
# What some tests need and pip cannot install; where it can be installed, it is. Without it they are skipped:
# bubblewrap for the sandbox, a C compiler for generated code, cross compilers and QEMU for code for Arm. Only those of
# the console in a browser are not skipped but fail: they need Chromium.
packages="bwrap:bubblewrap cc:gcc aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu
    arm-linux-gnueabihf-gcc:gcc-arm-linux-gnueabihf qemu-aarch64:qemu-user chromium:chromium"
libraries="libc6-dev libc6-dev-arm64-cross libc6-dev-armhf-cross"
missing=""
for entry in $packages; do
    command -v "${entry%%:*}" >/dev/null || missing="$missing ${entry#*:}"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    # shellcheck disable=SC2086
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing $libraries >/dev/null
fi
for entry in $packages; do
    command -v "${entry%%:*}" >/dev/null ||
        echo "${entry#*:} is not installed: the tests that need it will be skipped" >&2
done
exit 0
