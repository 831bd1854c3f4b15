#!/bin/sh
# What `make run` does once everything is installed; settings come from the environment.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
umask 077

# Prints the first line of instance/$1, which is made up once.
secret() {
    [ -s "instance/$1" ] || python -c "import secrets; print($2)" >"instance/$1"
    cat "instance/$1"
}

mkdir -p instance
[ -n "${SECRET_KEY:-}" ] || secret secret_key 'secrets.token_hex(32)' >/dev/null
password=$(secret demo_password '"demo-" + secrets.token_hex(4)')

python scripts/check_port.py "$HOST" "$PORT"
flask --app wsgi notifier init-db >/dev/null
flask --app wsgi notifier create-user alice bob --password "$password" >/dev/null

# A second terminal finds instance/ by itself, and nothing else.
given=
for name in DATABASE_URL REDIS_URL SECRET_KEY; do
    eval "value=\${$name:-}"
    [ -z "$value" ] || given="$given $name"
done

cat <<TEXT

  http://$HOST:$PORT
  Sign in as  alice  or  bob , password  $password
  Then, in a second terminal:  .venv/bin/flask --app wsgi notifier send alice hi
${given:+  with the same$given as here in its environment
}  Stop with Ctrl-C.

TEXT
exec gunicorn -c gunicorn.conf.py wsgi:app
