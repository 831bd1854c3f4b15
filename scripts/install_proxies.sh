#!/bin/sh
# Brings nginx, haproxy and PgBouncer, and spin for a page of docs/, for the tests that run them.
# Without one they are skipped.
PATH="$PATH:/usr/sbin"
missing() {
    for program in nginx haproxy pgbouncer spin gcc; do
        command -v "$program" >/dev/null || echo "$program"
    done
}
[ -z "$(missing)" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq && apt-get install -qq -y --no-install-recommends $(missing) libc6-dev; } \
        >/dev/null
fi
[ -z "$(missing)" ] ||
    echo "install_proxies: no $(missing | xargs); install by hand to run the tests with them" >&2
exit 0
