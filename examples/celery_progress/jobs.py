"""An import of addresses: its tables, and one step of it."""

import os
from pathlib import Path

from sqlalchemy import JSON, CheckConstraint, ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

INSTANCE = Path(__file__).parent / "instance"
DATABASE_URL = os.environ.get("DATABASE_URL") or f"sqlite:///{INSTANCE / 'progress.db'}"
REDIS_URL = os.environ.get("REDIS_URL") or "redis://127.0.0.1:6379/0"
PREFIX = "task_progress:"


class Base(DeclarativeBase):
    pass


class Job(Base):
    __tablename__ = "jobs"
    id: Mapped[str] = mapped_column(primary_key=True)
    user: Mapped[str]
    lines: Mapped[list[str]] = mapped_column(JSON)
    done: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(default="")


class Address(Base):
    __tablename__ = "addresses"
    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey(Job.id))
    text: Mapped[str] = mapped_column(CheckConstraint("text LIKE '%_@_%'"))


def report(notifier, job):
    """Tell the job's owner how far it is, if and when the transaction commits."""
    progress = {"done": job.done, "of": len(job.lines), "error": job.error}
    notifier.notify(job.user, PREFIX + job.id, progress)


def import_next(notifier, job_id):
    """Import one line: the address, the job's place and its progress are one commit.

    Whoever runs this, how often and after which crash: a line is imported once. The lock on the
    job keeps a second delivery of the task from importing the line that the first is at.
    """
    with notifier.transaction() as session:
        job = session.get(Job, job_id, with_for_update=True)
        if job.error or job.done == len(job.lines):
            return False
        session.add(Address(job_id=job_id, text=job.lines[job.done]))
        job.done += 1
        report(notifier, job)
    return True


def give_up(notifier, job_id, error=""):
    """Say why or where the job stopped, in a transaction of its own: one that failed is undone."""
    with notifier.transaction() as session:
        job = session.get(Job, job_id, with_for_update=True)
        if not job.error:
            job.error = error or f"{job.lines[job.done][:60]!r} is no address"
            report(notifier, job)
