"""The macros of ``templates/notifier/badge.html``, rendered without an app."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import jinja2
import pytest

TEMPLATES = Path(__file__).parents[2] / "templates"
SOURCE = (
    '{% from "notifier/badge.html" import badge, scripts with context %}'
    "{{ badge(**labels) }}|{{ scripts() }}"
)


@dataclass
class Page:
    """What ``notifier_page()`` returns, as far as the macros look at it."""

    count: int = 3
    signed_in: bool = True
    name: str = "unread_message_count"
    since: float = 1682479141.596086
    poll_url: str = "/notifications"
    read_url: str = "/api/v1/messages/read"
    socket_path: str = "/socket.io"
    namespace: str = "/"
    transports: str = "websocket"
    script_url: str = "/notifier/static/notifier/start.js"


def render(page: Page, **labels: str) -> tuple[str, str]:
    """The badge and the scripts of a page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    template = environment.from_string(SOURCE)
    badge, _, scripts = template.render(notifier_page=lambda: page, labels=labels).partition("|")
    return badge, scripts


def test_a_badge_shows_its_count_without_javascript() -> None:
    badge, _ = render(Page())
    assert badge.endswith(">3</span>")
    assert "hidden" not in badge


def test_a_badge_is_hidden_at_zero() -> None:
    badge, _ = render(Page(count=0))
    assert badge.endswith(" hidden>0</span>")


def test_a_badge_carries_the_cursor_to_the_microsecond() -> None:
    badge, _ = render(Page())
    assert 'data-since="1682479141.596086"' in badge


@pytest.mark.parametrize(("count", "label"), [(1, "1 unread message"), (2, "2 unread messages")])
def test_a_screen_reader_hears_a_sentence(count: int, label: str) -> None:
    badge, _ = render(Page(count=count))
    assert f'role="img" aria-label="{label}"' in badge


def test_labels_may_be_in_another_language() -> None:
    badge, _ = render(Page(), one="1 ungelesene", other='{count} "ungelesene"')
    assert 'aria-label="3 &#34;ungelesene&#34;"' in badge
    assert 'data-label-other="{count} &#34;ungelesene&#34;"' in badge


def test_the_script_is_a_module_of_the_own_host() -> None:
    _, scripts = render(Page())
    assert scripts == '<script type="module" src="/notifier/static/notifier/start.js"></script>'


def test_nobody_signed_in_gets_nothing() -> None:
    assert render(Page(signed_in=False)) == ("", "")
