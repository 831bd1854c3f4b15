"""The app's users: who exists, and who may sign in."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from typing import ClassVar

from sqlalchemy import Engine, String, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, scoped_session

from notifier import InvalidInput, NotifierError, reader

from .passwords import Passwords, check_password

__all__ = ["Base", "User", "UsernameTaken", "Users", "check_username", "normalized"]

USERNAME_LENGTH = 32

_USERNAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,31}", re.ASCII)


class UsernameTaken(NotifierError):
    """Somebody has this name already; choose another."""


class Base(DeclarativeBase):
    """The app's own tables."""


class User(Base):
    """Somebody who can sign in. The user name is the id by which the notifier knows her."""

    __tablename__ = "users"

    username: Mapped[str] = mapped_column(String(USERNAME_LENGTH), primary_key=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    # Part of what a session remembers, so that a new one ends every session of the user.
    nonce: Mapped[str] = mapped_column(String(32))

    # What Flask-Login asks of a user.
    is_active: ClassVar[bool] = True
    is_authenticated: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False

    def get_id(self) -> str:
        """Return what the session remembers of the user."""
        return f"{self.username}:{self.nonce}"


def normalized(username: str) -> str:
    """Return a user name as typed in the form in which it is stored."""
    return username.strip().lower()


def check_username(username: str) -> str:
    """Return a new user name in its stored form. Raises InvalidInput if it breaks the rules."""
    name = normalized(username)
    if not _USERNAME.fullmatch(name):
        raise InvalidInput(
            "username",
            f"must be 1 to {USERNAME_LENGTH} letters a-z, digits, dots, dashes or underscores, "
            "and begin with a letter or a digit",
        )
    return name


class Users:
    """All users, in the database of ``engine``; ``session`` is for what is written."""

    def __init__(self, engine: Engine, session: scoped_session[Session]) -> None:
        self._session = session
        # A transaction that only reads need not wait for SQLite's write lock, nor hold it.
        self._reader = reader(engine)
        self._passwords = Passwords()

    def find(self, username: str) -> User | None:
        """Return the user of this name, or None."""
        if not _USERNAME.fullmatch(username):
            return None
        with Session(self._reader) as session:
            return session.get(User, username)

    def of_session(self, remembered: str) -> User | None:
        """Return the user of whom a session remembers ``User.get_id()``, or None."""
        username, _, nonce = remembered.partition(":")
        user = self.find(username)
        return user if user and secrets.compare_digest(user.nonce, nonce) else None

    def known(self, usernames: Iterable[str]) -> set[str]:
        """Return those of ``usernames`` that exist."""
        possible = [name for name in usernames if _USERNAME.fullmatch(name)]
        query = select(User.username).where(User.username.in_(possible))
        with Session(self._reader) as session:
            return set(session.scalars(query)) if possible else set()

    def authenticate(self, username: str, password: str) -> User | None:
        """Return the user who has this name and password, or None. Takes as long either way."""
        user = self.find(normalized(username))
        if not self._passwords.verify(user.password_hash if user else None, password):
            return None
        if user and self._passwords.outdated(user.password_hash):
            self._write(user.username, self._passwords.hash(password), user.nonce)
        return user

    def register(self, username: str, password: str) -> User:
        """Add a user and commit. Raises InvalidInput or UsernameTaken."""
        name, password_hash = check_username(username), self._new_hash(password)
        user = User(username=name, password_hash=password_hash, nonce=secrets.token_hex(16))
        self._session.add(user)
        try:
            self._session.commit()
        except IntegrityError as error:
            self._session.rollback()
            raise UsernameTaken(f"{name} is taken already.") from error
        return user

    def set_password(self, username: str, password: str) -> None:
        """Change a password, end the user's sessions and commit. Raises InvalidInput."""
        self._write(username, self._new_hash(password), secrets.token_hex(16))

    def _write(self, username: str, password_hash: str, nonce: str) -> None:
        user = self._session.get_one(User, username)
        user.password_hash = password_hash
        user.nonce = nonce
        self._session.commit()

    def _new_hash(self, password: str) -> str:
        return self._passwords.hash(check_password(password))
