"""How large a request may be, announced or not."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from notifier import Notifier
from notifier.apikeys import ApiKeys
from notifier.web.bodies import LARGEST_REQUEST
from tests.producers.conftest import MESSAGES, Program, problem


def padded(size: int) -> bytes:
    """A good request of so many bytes."""
    content = json.dumps({"to": "alice", "body": "hi"}).encode()
    return content + b" " * (size - len(content))


@pytest.mark.parametrize(("more", "status"), [(0, 201), (1, 413), (9_999, 413)])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_request_of_up_to_2_mb_is_taken(
    notifier: Notifier, keys: ApiKeys, chunked: bool, more: int, status: int
) -> None:
    assert notifier.app is not None
    body = padded(LARGEST_REQUEST + more)
    bearer = {"Authorization": f"Bearer {keys.make('shop')}"}
    options: dict[str, Any] = {"data": body}
    if chunked:
        # As the worker gives it to an app.
        environ = {"wsgi.input_terminated": True, "wsgi.input": io.BytesIO(body)}
        options = {"environ_overrides": environ}
    answer = notifier.app.test_client().post(MESSAGES, headers=bearer, **options)
    assert answer.status_code == status


def test_ten_thousand_long_ids_fit_in(notifier: Notifier, shop: Program) -> None:
    to = [f"{n:064}" for n in range(10_000)]
    assert problem(shop.post(MESSAGES, {"to": to, "body": "x" * 4_000}))["status"] == 404
