"""``GET /metrics``: what it counts, who may read it, and several workers in one answer."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.exc import OperationalError

from notifier import Notifier
from notifier.operations import Event
from notifier.web.figures import BOUNDS, Latency, Shared
from notifier.web.metrics import FAMILIES
from notifier.web.tokens import Tokens
from tests.conftest import Serve
from tests.listener import Listener
from tests.services.server import SECRET_KEY, ServerProcess
from tests.support import wait_until
from tests.web.conftest import Host, client_of

TOKEN = "a token for scraping only"
Samples = dict[tuple[str, str], float]


def parsed(text: str) -> Samples:
    """The samples by name and by the value of their label."""
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scrape(client: FlaskClient, **headers: str) -> Samples:
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")
    return parsed(answer.text)


@pytest.fixture
def stranger(notifier: Notifier) -> FlaskClient:
    return client_of(notifier)


def test_every_family_is_there_from_the_start(stranger: FlaskClient) -> None:
    names = {name for name, _ in scrape(stranger)}
    assert all(any(name.startswith(family.name) for name in names) for family in FAMILIES)


def test_a_send_is_counted_and_timed(notifier: Notifier, stranger: FlaskClient) -> None:
    notifier.serving.presence.join("socket", "alice", 9)
    with notifier.transaction():
        notifier.send("alice", "hi")
    samples = scrape(stranger)
    assert samples["notifier_events_published_total", ""] == 1
    assert samples["notifier_events_delivered_total", ""] == 1
    assert samples["notifier_commit_to_publish_seconds_count", ""] == 1
    assert samples["notifier_publish_to_emit_seconds_count", ""] == 1
    assert samples["notifier_sockets", ""] == samples["notifier_users", ""] == 1


def test_the_pool_is_seen_in_use(notifier: Notifier, stranger: FlaskClient) -> None:
    with notifier.engine.connect():
        samples = scrape(stranger)
    assert samples["notifier_database_connections", "used"] == 1
    assert samples["notifier_database_connections", "limit"] == notifier.settings.pool_size


def test_a_refusal_for_the_database_is_counted(
    notifier: Notifier, stranger: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise OperationalError("SELECT", {}, ConnectionError("gone"))

    monkeypatch.setattr(notifier.store, "since", fail)
    assert client_of(notifier, "alice").get("/notifications").status_code == 503
    samples = scrape(stranger)
    assert samples["notifier_database_refusals_total", ""] == 1
    assert samples["notifier_database_outages_total", ""] == 1


def test_what_the_sweep_heals_is_counted(notifier: Notifier, stranger: FlaskClient) -> None:
    with notifier.transaction():
        notifier.send("alice", "nobody is here to be told")
    notifier.serving.presence.join("socket", "alice", 9)
    notifier.serving.sweep.once()
    assert scrape(stranger)["notifier_events_healed_total", "sweep"] == 1


# -- what clients say about themselves --------------------------------------------------------


def healed(notifier: Notifier, query: str) -> float:
    assert client_of(notifier, "alice").get(f"/notifications?{query}").status_code == 200
    return scrape(client_of(notifier))["notifier_events_healed_total", "poll"]


def test_a_client_reports_what_it_missed(notifier: Notifier) -> None:
    assert healed(notifier, "since=0&missed=2") == 2


@pytest.mark.parametrize("nonsense", ["", "-1", "1.5", "x", "٣", "1&missed=1", "%00"])
def test_nonsense_about_missed_events_is_ignored(notifier: Notifier, nonsense: str) -> None:
    assert healed(notifier, f"missed={nonsense}") == 0


def test_one_report_counts_for_little(notifier: Notifier) -> None:
    assert healed(notifier, f"missed={'9' * 4000}") == 100


# -- who may read -----------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via"])
def test_through_a_proxy_nothing_is_told(stranger: FlaskClient, header: str) -> None:
    assert stranger.get("/metrics", headers={header: "for=10.0.0.1"}).status_code == 403


def test_through_a_trusted_proxy_nothing_is_told_either(host: Host) -> None:
    client = client_of(host(NOTIFIER_TRUSTED_PROXIES=1))
    assert client.get("/metrics", headers={"X-Forwarded-For": "10.0.0.1"}).status_code == 403
    assert client.get("/metrics").status_code == 200


def test_with_a_token_whoever_has_it_may_read(host: Host) -> None:
    client = client_of(host(NOTIFIER_METRICS=TOKEN))
    assert client.get("/metrics").status_code == 401
    wrong = {"Authorization": "Bearer another token that long"}
    assert client.get("/metrics", headers=wrong).status_code == 401
    right = {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "10.0.0.1"}
    assert client.get("/metrics", headers=right).status_code == 200


def test_switched_off_there_is_nothing(host: Host) -> None:
    assert client_of(host(NOTIFIER_METRICS="off")).get("/metrics").status_code == 404


# -- several workers --------------------------------------------------------------------------


@pytest.fixture
def several(host: Host, tmp_path: Path) -> tuple[Notifier, Path]:
    return host(NOTIFIER_METRICS_DIR=str(tmp_path / "figures")), tmp_path / "figures"


def leave(folder: Path, pid: int, figures: dict[str, dict[str, float]]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{pid}.json").write_text(json.dumps(figures))


DEAD = 2**22 + 1  # above every process id


def test_workers_are_added_up(several: tuple[Notifier, Path]) -> None:
    notifier, folder = several
    leave(folder, os.getppid(), {"notifier_events_published": {"": 3}, "notifier_users": {"": 4}})
    notifier.serving.presence.join("socket", "alice", 9)
    samples = scrape(client_of(notifier))
    assert samples["notifier_events_published_total", ""] == 3
    assert samples["notifier_users", ""] == 5


def test_a_dead_workers_totals_stay_and_its_levels_go(several: tuple[Notifier, Path]) -> None:
    notifier, folder = several
    leave(folder, DEAD, {"notifier_events_published": {"": 3}, "notifier_users": {"": 4}})
    samples = scrape(client_of(notifier))
    assert samples["notifier_events_published_total", ""] == 3
    assert samples["notifier_users", ""] == 0


def test_the_worst_probe_of_all_workers_is_shown(several: tuple[Notifier, Path]) -> None:
    notifier, folder = several
    leave(folder, os.getppid(), {"notifier_probe_seconds": {"": 0.25}})
    assert scrape(client_of(notifier))["notifier_probe_seconds", ""] == 0.25


def test_latencies_are_added_by_class() -> None:
    latency = Latency()
    for seconds in (-1, BOUNDS[0], BOUNDS[0] + 1e-9, 99):
        latency.add(seconds)
    figures = latency.read()
    assert [figures[str(BOUNDS[0])], figures[str(BOUNDS[1])], figures["+Inf"]] == [2, 1, 1]
    assert figures["sum"] == pytest.approx(99.001)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc takes no files")
def test_figures_that_cannot_be_shared_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    shared = Shared("/proc/figures")
    shared.save({})
    shared.save({})
    assert caplog.text.count("Figures cannot be shared") == 1


@pytest.fixture
def server(serve: Serve, postgres_url: str) -> ServerProcess:
    env = {"DATABASE_URL": postgres_url, "NOTIFIER_SWEEP_INTERVAL": "0.2"}
    server = serve(env, workers=2, ready="/readyz")
    server.flask("notifier", "create-user", "alice", "--password", "a long password")
    return server


def test_two_real_workers_tell_of_both(server: ServerProcess) -> None:
    token = Tokens([SECRET_KEY], 600).make("alice")
    listeners = [Listener(server.url, token) for _ in range(10)]
    for n in range(20):
        answer = requests.post(
            f"{server.url}/api/v1/messages",
            json={"to": "alice", "body": str(n)},
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        )
        assert answer.status_code == 201

    def samples() -> Samples:
        return parsed(requests.get(f"{server.url}/metrics", timeout=10).text)

    wait_until(lambda: samples()["notifier_sockets", ""] == 10, message="all sockets")
    wait_until(lambda: all(listener.count == 20 for listener in listeners))
    wait_until(lambda: published(samples()) == 20, message="every event is accounted for")
    wait_until(lambda: samples()["notifier_broker_up", ""] == 2)
    assert samples()["notifier_publish_to_emit_seconds_count", ""] >= 1
    for listener in listeners:
        listener.close()


def published(samples: Samples) -> float:
    return sum(samples[f"notifier_events_{name}_total", ""] for name in ("published", "coalesced"))


def test_an_event_carries_its_publication_without_being_another_event() -> None:
    assert Event("a", "b", 1, 2, 1, published=9) == Event("a", "b", 1, 2, 1)
