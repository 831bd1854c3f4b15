"""The site builds, nothing in it comes from elsewhere, and what pages point at is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES
from tests.support import ROOT

LINKING = sorted({*ROOT.glob("*.md"), *ROOT.glob("examples/**/*.md"), *PAGES})
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FETCHED = re.compile(r"<(?:script|img|iframe)[^>]*\ssrc=\"?(?:https?:)?//|url\(\"?(?:https?:)?//")
_STYLE = re.compile(r"<link(?=[^>]*stylesheet)[^>]*href=\"?(?:https?:)?//")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site: a broken link or a page that is not in the nav ends it."""
    # Not --quiet: what that hides, --strict does not count.
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", folder],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_the_site_fetches_nothing_from_elsewhere(site: Path) -> None:
    files = [path for kind in ("*.html", "*.css") for path in site.rglob(kind)]
    assert len(files) > len(PAGES)
    found = {
        path.name: match[0]
        for path in files
        for pattern in (_FETCHED, _STYLE)
        if (match := pattern.search(path.read_text()))
    }
    assert not found


@pytest.mark.parametrize("page", LINKING, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_points_at_is_there(page: Path) -> None:
    for target in _LINK.findall(page.read_text()):
        path, _, anchor = target.partition("#")
        if not re.match(r"[a-z]+:", target):
            found = (page.parent / path).resolve() if path else page
            assert found.exists(), target
            assert not anchor or anchor in anchors(found), target


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one.lower()).strip().replace(" ", "-") for one in headings}
