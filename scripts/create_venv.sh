#!/bin/sh
# Creates a virtualenv, or says in one line what is missing.
# Usage: create_venv.sh PYTHON DIRECTORY
set -eu

python=$1
venv=$2

fail() {
    echo "error: $1" >&2
    exit 1
}

command -v "$python" >/dev/null 2>&1 ||
    fail "'$python' not found: install Python 3.11 or newer, or name yours: make PYTHON=/path/to/python3"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "Python 3.11 or newer is needed; '$python' is $("$python" -V 2>&1). Name another: make PYTHON=python3.11"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "'$python' cannot create virtualenvs (on Debian or Ubuntu: apt-get install python3-venv)"

rm -rf "$venv"
"$python" -m venv "$venv" || {
    rm -rf "$venv"
    fail "'$python -m venv $venv' failed; its output is above"
}
