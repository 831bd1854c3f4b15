"""Whose word counts about the scheme, host and address of a request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from notifier.engine.middleware import ForwardedHeaders, harden
from tests.engine.conftest import Start
from tests.engine.served import Served

PROXY = {
    "HTTP_X_FORWARDED_FOR": "203.0.113.9",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_FORWARDED_HOST": "app.example",
    "HTTP_X_FORWARDED_PORT": "443",
}


def seen_by_app(hops: int, headers: dict[str, str]) -> dict[str, Any]:
    """The request as the application gets it."""
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seen.update(environ)
        return []

    environ = {"wsgi.url_scheme": "http", "HTTP_HOST": "10.0.0.1:5000", "REMOTE_ADDR": "10.0.0.2"}
    harden(app, trusted_proxies=hops)({**environ, **headers}, lambda *_: None)  # type: ignore[arg-type,return-value]
    return seen


def test_without_proxies_nothing_forwarded_is_believed() -> None:
    seen = seen_by_app(0, PROXY)
    assert seen["wsgi.url_scheme"] == "http"
    assert seen["HTTP_HOST"] == "10.0.0.1:5000"
    assert seen["REMOTE_ADDR"] == "10.0.0.2"


def test_with_one_proxy_its_word_counts() -> None:
    seen = seen_by_app(1, PROXY)
    assert seen["wsgi.url_scheme"] == "https"
    assert seen["HTTP_HOST"] == "app.example"
    assert seen["REMOTE_ADDR"] == "203.0.113.9"


@pytest.mark.parametrize("hops", [0, 1, 2])
def test_no_forwarding_header_reaches_the_app(hops: int) -> None:
    headers = PROXY | {"HTTP_FORWARDED": "host=evil", "HTTP_X_FORWARDED_SSL": "on"}
    assert not [key for key in seen_by_app(hops, headers) if "FORWARDED" in key]


def test_what_a_client_wrote_before_the_proxy_is_ignored() -> None:
    headers = PROXY | {"HTTP_X_FORWARDED_HOST": "evil.example, app.example"}
    assert seen_by_app(1, headers)["HTTP_HOST"] == "app.example"


def test_fewer_values_than_proxies_are_not_believed() -> None:
    assert seen_by_app(2, PROXY)["HTTP_HOST"] == "10.0.0.1:5000"


def test_a_port_that_is_not_the_default_stays() -> None:
    seen = seen_by_app(1, PROXY | {"HTTP_X_FORWARDED_PORT": "8443"})
    assert seen["HTTP_HOST"] == "app.example:8443"


def test_the_scheme_of_a_websocket_counts_as_the_one_of_its_page() -> None:
    seen = seen_by_app(1, PROXY | {"HTTP_X_FORWARDED_PROTO": "wss"})
    assert seen["wsgi.url_scheme"] == "https"
    assert seen["HTTP_HOST"] == "app.example"


def test_a_negative_number_of_proxies_is_an_error() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        ForwardedHeaders(lambda *_: [], -1)


def test_a_client_cannot_make_a_foreign_origin_its_own(served: Served) -> None:
    forged = {"X_Forwarded_Host": "evil.example", "X_Forwarded_Proto": "http"}
    websocket = served.websocket(Origin="http://evil.example", **forged)
    assert websocket.status == 400
    websocket.close()


def test_the_own_origin_is_accepted(served: Served) -> None:
    websocket = served.websocket(Host="a.example", Origin="http://a.example")
    websocket.connect().close()


def test_behind_a_proxy_that_ends_tls_only_the_page_s_origin_is_accepted(start: Start) -> None:
    served = start(TRUSTED_PROXIES="1")
    said = {"X_Forwarded_Host": "evil.example, app.example", "X_Forwarded_Proto": "https"}
    said["X_Forwarded_Port"] = "443"
    served.websocket(Origin="https://app.example", **said).connect().close()
    foreign = served.websocket(Origin="https://evil.example", **said)
    assert foreign.status == 400
    foreign.close()
