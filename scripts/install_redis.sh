#!/bin/sh
# Brings Redis for the tests that run on it beside Valkey. Without it they are skipped.
command -v redis-server >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq && apt-get install -qq -y --no-install-recommends redis-server; } >/dev/null
fi
command -v redis-server >/dev/null ||
    echo "install_redis: no redis-server; install it by hand to run the tests on Redis" >&2
