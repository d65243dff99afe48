#!/bin/sh
# Without bubblewrap the tests of the sandbox are skipped; where it can be installed, it is.
command -v bwrap >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y bubblewrap >/dev/null
fi
command -v bwrap >/dev/null || echo "bubblewrap is not installed: the tests of the sandbox will be skipped" >&2
exit 0
