#!/bin/sh
# Without bubblewrap the tests of the sandbox are skipped, without a C compiler those of generated code; where
# they can be installed, they are.
missing=""
command -v bwrap >/dev/null || missing="bubblewrap"
command -v cc >/dev/null || command -v clang >/dev/null || missing="$missing gcc libc6-dev"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    # shellcheck disable=SC2086
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y $missing >/dev/null
fi
command -v bwrap >/dev/null || echo "bubblewrap is not installed: the tests of the sandbox will be skipped" >&2
command -v cc >/dev/null || command -v clang >/dev/null ||
    echo "no C compiler is installed: the tests of generated code will be skipped" >&2
exit 0
