"""Every code block of the documentation runs, or is checked as far as a test can."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

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
