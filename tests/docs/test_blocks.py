"""Every code block of the documentation runs, or is checked as far as a test can."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from notifier.errors import InvalidInput
from tests.docs.blocks import PAGES, blocks_of
from tests.docs.story import Story
from tests.support import ROOT

WITH_BLOCKS = [page for page in PAGES if "```" in page.read_text()]
LIVE = re.compile(r"127\.0\.0\.1:5000|app\.example|--app wsgi")


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_blocks_of_a_page_run(page: Path, begin: Callable[[bool], Story]) -> None:
    blocks = blocks_of(page)
    story = begin(any(LIVE.search(block.text) for block in blocks))
    for block in blocks:
        story.tell(block)


@pytest.mark.parametrize(
    "page",
    [
        "```\nmake run\n```",
        "```fortran\nSTOP\n```",
        "Code:\n\n    make run",
        "```sh\nmake nothing\n```",
        "```sh\nrm -r something\n```",
        '```json\n{"name": "x", "data": 1, "timestamp": -1}\n```',
        "```sh\necho 1 of 2\n```\n```text\n2 or 3\n```",
        '```cfg title="Procfile"\nweb: something else\n```',
    ],
)
def test_a_block_that_is_not_right_is_found(
    page: str, begin: Callable[[bool], Story], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.docs.blocks.ROOT", tmp_path)
    path = tmp_path / "page.md"
    path.write_text(page + "\n")
    story = begin(False)
    with pytest.raises((AssertionError, AttributeError, InvalidInput)):
        [story.tell(block) for block in blocks_of(path)]
