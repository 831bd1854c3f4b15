"""Transactions that are open while other things happen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

from notifier.inbox import write
from notifier.operations import Event, Operation
from tests.proof.site import Order, Site
from tests.proof.worker import Worker


class Refused(Exception):
    """What a host's own hook raises to stop a commit."""


@dataclass
class Level:
    """What was asked for since a savepoint."""

    operations: list[Operation] = field(default_factory=list)
    orders: list[int] = field(default_factory=list)
    savepoint: SessionTransaction | None = None


class Host:
    """A host's transaction: rows of its own, staged operations, savepoints, and one end."""

    def __init__(self, site: Site, worker: Worker) -> None:
        self.worker = worker
        self.session = Session(site.engine)
        self.levels = [Level()]
        # It has written something, which on SQLite locks out every other writer.
        self.writes = False

    @property
    def operations(self) -> list[Operation]:
        return [operation for level in self.levels for operation in level.operations]

    @property
    def orders(self) -> list[int]:
        return [number for level in self.levels for number in level.orders]

    def stage(self, operations: Sequence[Operation]) -> None:
        self.worker.staging.stage(self.session, operations)
        self.levels[-1].operations.extend(operations)

    def order(self, number: int, flush: bool) -> None:
        self.session.add(Order(id=number))
        self.levels[-1].orders.append(number)
        if flush:
            self.writes = True
            self.session.flush()

    def savepoint(self) -> None:
        self.writes = True
        self.levels.append(Level(savepoint=self.session.begin_nested()))

    def release(self) -> None:
        level = self.levels.pop()
        assert level.savepoint is not None
        level.savepoint.commit()
        self.levels[-1].operations.extend(level.operations)
        self.levels[-1].orders.extend(level.orders)

    def roll_back_to_savepoint(self) -> None:
        level = self.levels.pop()
        assert level.savepoint is not None
        level.savepoint.rollback()

    def commit(self) -> None:
        self.session.commit()
        self.session.close()

    def commit_refused(self) -> None:
        """Another hook of the same commit raises after ours has run."""

        def refuse(_session: Session) -> None:
            raise Refused

        event.listen(self.session, "before_commit", refuse)
        try:
            self.session.commit()
        except Refused:
            self.session.rollback()
        self.session.close()

    def roll_back(self) -> None:
        self.session.rollback()
        self.session.close()


class Holder:
    """A transaction of the core that has stamped and written, and is not committed yet."""

    def __init__(self, site: Site, worker: Worker, operations: Sequence[Operation], now: int):
        self.worker = worker
        self.operations = list(operations)
        self._connection = site.engine.connect()
        self._transaction = self._connection.begin()
        self._written = write(self._connection, operations, lambda: now)

    @property
    def users(self) -> set[str]:
        return {operation.user for operation in self.operations}

    def commit(self) -> list[Event]:
        self._transaction.commit()
        self._connection.close()
        return self._written.events

    def roll_back(self) -> None:
        self._transaction.rollback()
        self._connection.close()
