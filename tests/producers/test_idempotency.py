"""A request with an Idempotency-Key takes effect once, whatever happens on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text

import notifier.idempotency as module
from notifier import MemoryPublisher, Notifier, create_engine
from notifier.apikeys import ApiKeys
from notifier.errors import InFlight, InvalidInput
from notifier.idempotency import KEPT_SECONDS, Answer, Idempotency, Request, fingerprint
from notifier.models import idempotency
from notifier.operations import Event, NewMessage, Written
from notifier.outages import OutcomeUnknown, is_outage
from notifier.store import Store
from tests.producers.conftest import BOTH, MESSAGES, Program, problem, statements

REPLAYED = "Idempotency-Replayed"
OPERATIONS = [NewMessage("alice", "hi")]
REQUEST = Request("key:test", "k", "f")


def rows(notifier: Notifier) -> int:
    with notifier.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(idempotency)).scalar_one()


@BOTH
def test_a_repeated_request_gets_the_same_answer_and_writes_nothing(
    notifier: Notifier, shop: Program, events: list[Event]
) -> None:
    first, second = (shop.send(["alice", "bob"], key="k") for _ in range(2))
    assert (first.status_code, first.data) == (second.status_code, second.data)
    assert (first.headers.get(REPLAYED), second.headers.get(REPLAYED)) == (None, "true")
    assert (notifier.unread_count("alice"), len(events)) == (1, 2)


@BOTH
def test_notifications_are_repeated_like_messages(
    notifier: Notifier, shop: Program, events: list[Event]
) -> None:
    first = shop.notify(data=1, key="k")
    shop.notify(data=2)
    assert shop.notify(data=1, key="k").data == first.data
    assert notifier.since("alice")[0].data == 2


def test_users_may_use_one_too(notifier: Notifier, bob: Program) -> None:
    assert bob.send(key="k").data == bob.send(key="k").data
    assert notifier.unread_count("alice") == 1


@BOTH
def test_another_request_with_the_same_key_is_a_422(notifier: Notifier, shop: Program) -> None:
    shop.send(key="k")
    for answer in (shop.send(body="ho", key="k"), shop.notify(key="k")):
        assert (problem(answer)["status"], problem(answer)["field"]) == (422, "Idempotency-Key")
    assert (notifier.unread_count("alice"), len(notifier.since("alice"))) == (1, 1)


def test_another_path_is_another_request() -> None:
    assert fingerprint("/one", {"a": 1}) != fingerprint("/other", {"a": 1})


def test_the_same_request_may_be_spelt_differently(shop: Program) -> None:
    first = shop.post(MESSAGES, {"to": "alice", "body": "hi"}, "k")
    assert shop.post(MESSAGES, {"body": "hi", "to": "alice"}, "k").data == first.data


def test_a_key_is_its_callers_own(
    notifier: Notifier, keys: ApiKeys, shop: Program, bob: Program
) -> None:
    for program in (shop, bob, Program(notifier, keys.make("another shop"))):
        assert REPLAYED not in program.send(key="k").headers
    assert notifier.unread_count("alice") == 3


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "é"], ids=range(4))
def test_a_malformed_key_is_a_400(notifier: Notifier, shop: Program, key: str) -> None:
    answer = shop.send(key=key)
    assert (problem(answer)["status"], problem(answer)["field"]) == (400, "Idempotency-Key")
    assert notifier.unread_count("alice") == 0


@BOTH
def test_the_longest_key_is_taken(shop: Program) -> None:
    assert shop.send(key=" ~" * 127 + "x").status_code == 201


@BOTH
def test_a_refused_request_leaves_its_key_free(notifier: Notifier, shop: Program) -> None:
    assert shop.send("nobody", key="k").status_code == 404
    assert shop.send(key="k").status_code == 201


def test_a_recipient_who_has_left_since_does_not_change_the_answer(
    shop: Program, known: set[str]
) -> None:
    first = shop.send(key="k")
    known.remove("alice")
    assert shop.send(key="k").data == first.data


def test_requests_without_a_key_cost_what_they_did(notifier: Notifier, shop: Program) -> None:
    shop.send()
    seen = statements(notifier.engine)
    shop.send()
    assert seen
    assert "idempotency" not in " ".join(seen)


@BOTH
def test_fifty_at_once_write_once_and_get_one_answer(notifier: Notifier, shop: Program) -> None:
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: shop.send(key="k"), range(50)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.data for answer in answers}) == 1
    assert sum(REPLAYED not in answer.headers for answer in answers) == 1
    assert notifier.unread_count("alice") == 1


class Slow:
    """A request that is in the middle of its transaction until it is told to go on."""

    def __init__(self, once: Idempotency) -> None:
        self._begun = threading.Event()
        self._end = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self._done = self._pool.submit(once.commit, REQUEST, OPERATIONS, 201, self._answer)
        assert self._begun.wait(10)

    def end(self, error: Exception | None = None) -> Any:
        self._error = error
        self._end.set()
        self._pool.shutdown()
        return self._done.exception() or self._done.result()

    def _answer(self, _written: Written) -> str:
        self._begun.set()
        assert self._end.wait(20)
        if self._error:
            raise self._error
        return "slow"


def commit(once: Idempotency) -> Any:
    return once.commit(REQUEST, OPERATIONS, 201, lambda _written: "quick")


@BOTH
def test_a_twin_in_this_process_is_waited_for_in_vain_only_for_so_long(
    notifier: Notifier,
) -> None:
    once = Idempotency(lambda: notifier.store, longest_wait=0.01)
    slow = Slow(once)
    with pytest.raises(InFlight):
        commit(once)
    assert slow.end().text == commit(once).text == "slow"


@pytest.fixture
def impatient(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url, busy_timeout=0.05)
    yield engine
    engine.dispose()


@BOTH
def test_a_twin_in_another_process_is_waited_for_in_vain_only_for_so_long(
    notifier: Notifier, impatient: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOCK_TIMEOUT", text("SET LOCAL lock_timeout = 100"))
    here = Idempotency(lambda: Store(impatient, MemoryPublisher()))
    slow = Slow(Idempotency(lambda: notifier.store))
    with pytest.raises(Exception, match=r"being carried out|database is locked") as refused:
        commit(here)
    assert isinstance(refused.value, InFlight) or is_outage(refused.value)
    assert slow.end().text == commit(here).text == "slow"


@BOTH
def test_whoever_waits_for_a_twin_that_fails_takes_its_place(notifier: Notifier) -> None:
    once = Idempotency(lambda: notifier.store)
    slow = Slow(once)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(commit, once)
        assert isinstance(slow.end(ValueError("broken")), ValueError)
        assert waiting.result().text == "quick"
    assert notifier.unread_count("alice") == 1


def test_a_twin_in_flight_is_a_409_that_says_when_to_come_back(
    shop: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_flight(*_arguments: object) -> None:
        raise InFlight("a request with this Idempotency-Key is being carried out")

    monkeypatch.setattr(Idempotency, "commit", in_flight)
    answer = shop.send(key="k")
    assert (problem(answer)["status"], answer.headers["Retry-After"]) == (409, "1")


@BOTH
@pytest.mark.parametrize("stored", [True, False])
def test_a_commit_whose_answer_was_lost_can_be_repeated(
    notifier: Notifier, shop: Program, monkeypatch: pytest.MonkeyPatch, stored: bool
) -> None:
    shop.send("bob")
    commit: Callable[[Any], None] = notifier.engine.dialect.do_commit

    def lose(connection: Any) -> None:
        monkeypatch.undo()
        if stored:
            commit(connection)
        raise OutcomeUnknown(None, None, Exception("lost"))

    monkeypatch.setattr(notifier.engine.dialect, "do_commit", lose)
    answer = shop.send(key="k")
    assert (problem(answer)["status"], "same Idempotency-Key" in answer.text) == (503, True)
    assert (REPLAYED in shop.send(key="k").headers) is stored
    assert notifier.unread_count("alice") == 1


@BOTH
def test_answers_are_kept_for_a_day(notifier: Notifier) -> None:
    now = [0]
    once = Idempotency(lambda: notifier.store, clock=lambda: now[0])
    commit(once)
    now[0] += KEPT_SECONDS * 1_000_000
    assert (once.purge(), rows(notifier)) == (0, 1)
    now[0] += 1
    assert (once.purge(), rows(notifier)) == (1, 0)


@BOTH
def test_a_key_is_free_again_after_a_day_though_nobody_purged(notifier: Notifier) -> None:
    now = [0]
    once = Idempotency(lambda: notifier.store, clock=lambda: now[0])
    commit(once)
    later = Request(REQUEST.caller, REQUEST.key, "another fingerprint")
    now[0] = KEPT_SECONDS * 1_000_000
    with pytest.raises(InvalidInput):
        once.replay(later)
    now[0] += 1
    assert once.replay(later) is None
    done = once.commit(later, OPERATIONS, 201, lambda _written: "new")
    assert (done.text, done.replayed, rows(notifier)) == ("new", False, 1)
    assert once.replay(later) == Answer(201, "new")


@BOTH
def test_requests_pay_for_the_purge_some_rows_at_a_time(
    notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PURGED_AT_ONCE", 2)
    now = [0]
    once = Idempotency(lambda: notifier.store, clock=lambda: now[0])
    left = []
    for n in range(8):
        now[0] += KEPT_SECONDS * 1_000_000 + 1 if n == 5 else 0
        once.commit(Request("key:test", str(n), "f"), OPERATIONS, 201, lambda _written: "")
        left.append(rows(notifier))
    assert left == [1, 2, 3, 4, 5, 6, 7, 8]
    once._purge_at = 0
    for n in range(8, 11):
        once.commit(Request("key:test", str(n), "f"), OPERATIONS, 201, lambda _written: "")
        left.append(rows(notifier))
    assert left[8:] == [7, 6, 6]
