"""What people fill in, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_wtf import FlaskForm
from wtforms import Field, PasswordField, StringField, SubmitField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, ValidationError

from notifier import InvalidInput

from . import passwords, users

__all__ = ["LoginForm", "RegisterForm", "compose_form", "recipients", "sentence"]


def sentence(error: InvalidInput) -> str:
    """Return what is wrong with a field, for the person who filled it in."""
    return f"This {error.problem}."


def _stripped(text: str | None) -> str:
    return (text or "").strip()


def _unix_lines(text: str | None) -> str:
    """A browser sends CR LF for every line break."""
    return (text or "").replace("\r\n", "\n").strip()


def _by_rule(check: Callable[[str], str]) -> Callable[[Any, Field], None]:
    def validate(_form: Any, field: Field) -> None:
        try:
            check(field.data)
        except InvalidInput as error:
            raise ValidationError(sentence(error)) from error

    return validate


class LoginForm(FlaskForm):  # type: ignore[misc]
    """Signs somebody in. It knows no rules, so that old names and passwords keep working."""

    username = StringField(
        "User name",
        [InputRequired("Enter your user name."), Length(max=users.USERNAME_LENGTH)],
        filters=[_stripped],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )
    password = PasswordField(
        "Password",
        [InputRequired("Enter your password."), Length(max=passwords.LONGEST)],
        render_kw={"autocomplete": "current-password"},
    )
    submit = SubmitField("Sign in")


class RegisterForm(FlaskForm):  # type: ignore[misc]
    """Makes a user."""

    username = StringField(
        "User name",
        [InputRequired("Choose a user name."), _by_rule(users.check_username)],
        filters=[_stripped],
        description="Letters a-z, digits, dots, dashes and underscores.",
        render_kw={
            "autocomplete": "username",
            "autocapitalize": "none",
            "spellcheck": "false",
            "maxlength": users.USERNAME_LENGTH,
        },
    )
    password = PasswordField(
        "Password",
        [InputRequired("Choose a password."), _by_rule(passwords.check_password)],
        description=f"At least {passwords.SHORTEST} characters. A few random words do well.",
        render_kw={
            "autocomplete": "new-password",
            "minlength": passwords.SHORTEST,
            "maxlength": passwords.LONGEST,
        },
    )
    submit = SubmitField("Create account")


class _ComposeForm(FlaskForm):  # type: ignore[misc]
    to = StringField(
        "To",
        [DataRequired("Name at least one recipient.")],
        filters=[_stripped],
        description="User names, separated by commas.",
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )
    submit = SubmitField("Send")


def compose_form(longest_body: int) -> FlaskForm:
    """A form for a new message of at most ``longest_body`` characters."""

    class ComposeForm(_ComposeForm):
        body = TextAreaField(
            "Message",
            [
                DataRequired("Write a message."),
                Length(max=longest_body, message=f"At most {longest_body} characters."),
            ],
            filters=[_unix_lines],
            render_kw={"rows": 8},
        )

    return ComposeForm()


def recipients(text: str) -> list[str]:
    """Return the user names in a comma-separated text, each once, in the order given."""
    names = (users.normalized(part) for part in text.split(","))
    return list(dict.fromkeys(name for name in names if name))
