"""What stands between a browser and the app, each of them a real proxy before the real app."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
from sqlalchemy import func, select

from notifier import create_engine
from notifier.doctor import handshake, public, sockets
from notifier.doctor.report import State
from notifier.doctor.site import Site
from notifier.models import inboxes
from tests.doctor.conftest import Examine, Host, Through
from tests.doctor.proxy import answering, honest, with_line, without
from tests.services.server import ServerProcess
from tests.support import free_port

SOCKETS = ("server", "upgrade", "sign-in", "push")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not answer is given up sooner, for the tests' sake."""
    for module in (handshake, public, sockets):
        monkeypatch.setattr(module, "WAIT_SECONDS", 1.0)


def test_without_a_url_nothing_is_asked(look: Examine) -> None:
    found = look("server", "upgrade", "poll")
    assert {one.state for one in found.values()} == {State.SKIPPED}
    assert "--url" in found["upgrade"].found


def test_a_good_proxy_is_found_good(outside: Examine, through: Through) -> None:
    proxy = through(request=honest)
    found = outside(*SOCKETS, "origin", "poll", "server clock", url=proxy.url)
    assert {name: one.state for name, one in found.items()} == dict.fromkeys(found, State.OK)


def test_no_row_is_written(outside: Examine, deployed: ServerProcess) -> None:
    outside(*SOCKETS, "poll", url=deployed.url)
    engine = create_engine(deployed.env["DATABASE_URL"])
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(inboxes)) == 0
    engine.dispose()


def test_a_proxy_that_strips_the_upgrade(outside: Examine, through: Through) -> None:
    proxy = through(request=without("Upgrade", "Connection"))
    found = outside(*SOCKETS, url=proxy.url)
    assert found["upgrade"].state is State.WRONG
    assert "400" in found["upgrade"].found
    assert "took the upgrade away" in found["upgrade"].found
    assert "Upgrade and Connection" in found["upgrade"].advice
    assert found["push"].state is State.SKIPPED


def test_a_proxy_that_strips_only_connection(outside: Examine, through: Through) -> None:
    found = outside("server", "upgrade", url=through(request=without("Connection")).url)
    assert found["upgrade"].state is State.WRONG
    assert "took the upgrade away" in found["upgrade"].found


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (answering("426 Upgrade Required"), "426 by proxy"),
        (answering("200 OK", body="<html>hello</html>"), "200 by proxy"),
        (answering("301 Moved", "Location: https://b.example/"), "https://b.example/"),
        (answering("403 Forbidden"), "firewall"),
        (answering("404 Not Found"), "NOTIFIER_SOCKET_PATH"),
        (answering("502 Bad Gateway"), "cannot reach the app"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "not HTTP"),
        (b"\0", "without an answer"),
        (answering("101 Switching Protocols", "Sec-WebSocket-Accept: x"), "another one"),
    ],
)
def test_what_a_proxy_answers_instead(
    outside: Examine, through: Through, answer: bytes, words: str
) -> None:
    found = outside("server", "upgrade", url=through(instead=answer).url)
    assert found["upgrade"].state is State.WRONG
    assert words in f"{found['upgrade'].found} {found['upgrade'].advice}"


@pytest.mark.usefixtures("impatient")
def test_a_proxy_that_keeps_the_handshake(outside: Examine, through: Through) -> None:
    found = outside("server", "upgrade", url=through(silent=True).url)
    assert found["upgrade"].state is State.WRONG
    assert "no answer within 1 s" in found["upgrade"].found


@pytest.mark.usefixtures("impatient")
def test_a_proxy_that_holds_back_what_follows(outside: Examine, through: Through) -> None:
    found = outside("server", "upgrade", url=through(mute=True).url)
    assert found["upgrade"].state is State.WRONG
    assert "nothing comes through" in found["upgrade"].found


def test_a_proxy_that_changes_the_host(outside: Examine, through: Through) -> None:
    found = outside("server", "upgrade", url=through(request=with_line("Host: inside:80")).url)
    assert found["upgrade"].state is State.WRONG
    assert "does not accept the Origin" in found["upgrade"].found
    assert "NOTIFIER_TRUSTED_PROXIES" in found["upgrade"].advice


def test_a_proxy_that_removes_the_origin(outside: Examine, through: Through) -> None:
    found = outside("server", "upgrade", "origin", url=through(request=without("Origin")).url)
    assert found["upgrade"].state is State.OK
    assert found["origin"].state is State.WRONG
    assert "rewrites the header Origin" in found["origin"].advice


def test_a_proxy_that_passes_on_what_a_client_forged(outside: Examine, through: Through) -> None:
    found = outside("server", "upgrade", "origin", url=through().url)
    assert found["origin"].state is State.WARNING
    assert "NOTIFIER_TRUSTED_PROXIES" in found["origin"].advice


def test_a_redirect_of_everything(outside: Examine, through: Through) -> None:
    moved = answering("308 Moved", "Location: https://a.example/")
    found = outside("server", url=through(answer=lambda _head: moved).url)
    assert found["server"].state is State.WRONG
    assert "redirects to https://a.example/" in found["server"].found


def test_a_server_with_another_secret(outside: Examine, deployed: ServerProcess) -> None:
    found = outside(*SOCKETS, "poll", url=deployed.url, SECRET_KEY="another-key-of-some-length")
    assert found["sign-in"].state is found["poll"].state is State.WRONG
    assert "another SECRET_KEY" in found["sign-in"].advice


def test_a_server_that_seals_with_another_key(
    outside: Examine, deployed: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "_PUSH_SECONDS", 1.0)
    found = outside(*SOCKETS, url=deployed.url, NOTIFIER_BROKER_KEY="another-key-of-some-length")
    assert found["sign-in"].state is State.OK
    assert found["push"].state is State.WRONG
    assert "NOTIFIER_BROKER_KEY" in found["push"].advice


def test_a_shell_without_the_broker_of_the_server(
    outside: Examine, deployed: ServerProcess
) -> None:
    found = outside(*SOCKETS, url=deployed.url, REDIS_URL="")
    assert found["push"].state is State.WARNING


def test_a_proxy_that_removes_authorization(outside: Examine, through: Through) -> None:
    found = outside("server", "poll", url=through(request=without("Authorization")).url)
    assert found["poll"].state is State.WRONG
    assert "Authorization" in found["poll"].advice


def test_a_poll_out_of_a_cache(outside: Examine, through: Through) -> None:
    found = outside("server", "poll", url=through(answer=with_line("Age: 60")).url)
    assert found["poll"].state is State.WRONG
    assert "cache" in found["poll"].found


def test_a_cache_that_gives_answers_to_everybody(outside: Examine, through: Through) -> None:
    found = outside("server", "poll", url=through(keeps=True).url)
    assert found["poll"].state is State.WRONG
    assert "also with a token that is none" in found["poll"].found


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "200 OK"])
def test_a_site_that_hides_readiness_is_looked_at_all_the_same(
    outside: Examine, through: Through, status: str
) -> None:
    proxy = through(request=honest, at={"/readyz": answering(status, body="no")})
    found = outside(*SOCKETS, "server workers", "server clock", "poll", url=proxy.url)
    assert (found.pop("server").state, found.pop("server workers").state) == (
        State.WARNING,
        State.SKIPPED,
    )
    assert {name: one.state for name, one in found.items()} == dict.fromkeys(found, State.OK)


def test_another_site_is_no_server_of_ours(outside: Examine, through: Through) -> None:
    here = {path: answering("404 Not Found") for path in ("/readyz", "/notifications")}
    assert outside("server", url=through(at=here).url)["server"].state is State.WRONG


def test_a_site_behind_a_password_is_left(outside: Examine, through: Through) -> None:
    password = answering("401 Unauthorized", 'WWW-Authenticate: Basic realm="x"')
    found = outside("server", "poll", url=through(at={"/readyz": password}).url)
    assert {one.state for one in found.values()} == {State.SKIPPED}


def test_a_redis_that_is_away_breaks_no_other_check(outside: Examine, through: Through) -> None:
    url = through(request=honest).url
    found = outside("redis", *SOCKETS, url=url, REDIS_URL=f"redis://127.0.0.1:{free_port()}")
    assert (found["redis"].state, found["push"].state) == (State.WRONG, State.SKIPPED)
    assert "see 'redis'" in found["push"].found


def test_a_server_whose_clock_is_wrong(outside: Examine, through: Through) -> None:
    late = through(answer=with_line("Date: Sun, 06 Nov 2016 08:49:37 GMT"))
    found = outside("server", "server clock", url=late.url)
    assert found["server clock"].state is State.WRONG
    assert "ahead of the server" in found["server clock"].found


def ending(tls: Path) -> ssl.SSLContext:
    """What a server needs to end TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls / "both.pem")
    return context


def test_a_certificate_that_nobody_vouches_for(
    outside: Examine, through: Through, tls: Path
) -> None:
    found = outside("server", url=through(tls=ending(tls)).url)
    assert found["server"].state is State.WRONG
    assert "the certificate of https://localhost" in found["server"].found


def test_a_valid_certificate(
    outside: Examine, through: Through, tls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls / "fullchain.pem"))
    scheme = with_line("X-Forwarded-Proto: https")
    found = outside(*SOCKETS, "poll", url=through(tls=ending(tls), request=scheme).url)
    assert {one.state for one in found.values()} == {State.OK}


def test_tls_that_the_app_is_not_told_of(
    outside: Examine, through: Through, tls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls / "fullchain.pem"))
    found = outside("server", "upgrade", url=through(tls=ending(tls)).url)
    assert "does not accept the Origin https://" in found["upgrade"].found
    assert "X-Forwarded-Proto" in found["upgrade"].advice


def test_https_where_plain_http_is_spoken(outside: Examine, deployed: ServerProcess) -> None:
    found = outside("server", url=deployed.url.replace("http:", "https:"))
    assert found["server"].state is State.WRONG
    assert "plain HTTP" in found["server"].advice


def test_an_address_where_nobody_listens(outside: Examine) -> None:
    found = outside("server", url=f"http://127.0.0.1:{free_port()}")
    assert found["server"].state is State.WRONG
    assert "cannot be reached" in found["server"].found


@pytest.mark.usefixtures("impatient")
def test_what_never_answers_is_given_up(look: Examine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        urls = {"DATABASE_URL": f"postgresql://me@{place}/x", "REDIS_URL": f"redis://{place}/0"}
        limits = {"NOTIFIER_ANSWER_TIMEOUT": 0.5, "NOTIFIER_BROKER_TIMEOUT": 0.2}
        found = look("database", "redis", "server", url=f"http://{place}", **urls, **limits)
    assert {one.state for one in found.values()} == {State.WRONG}
    # Each by its own limit, not by that of all checks.
    assert not [one for one in found.values() if "was left" in one.found]


def test_a_name_that_does_not_exist(outside: Examine) -> None:
    assert outside("server", url="http://nothing.invalid")["server"].state is State.WRONG


def test_paths_follow_the_settings_of_the_host(host: Host) -> None:
    site = Site(host(NOTIFIER_URL_PREFIX="/news", NOTIFIER_BLUEPRINT="news"))
    assert site.path("poll", "/notifications") == "/news/notifications"
