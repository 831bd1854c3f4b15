"""Which lines of a page's Python have run, in this process and in those that it starts."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from tests.docs.blocks import Block

# A file, a function by its name and first line (a lambda has a line of its own), and a line.
Spot = tuple[str, str, int, int]


class Lines:
    """Knows what there is to run in each block, and what has run.

    ``log`` is what other processes write into; see measured/sitecustomize.py.
    """

    def __init__(self, log: Path) -> None:
        self.never: list[str] = []
        self._log, self._heard = log, 0
        self._blocks: dict[str, tuple[Block, int, set[Spot]]] = {}
        self._seen: set[Spot] = set()

    def expect(self, block: Block, code: CodeType, before: int) -> None:
        """All lines of ``code`` have to run. It has ``before`` lines less before it than the page.

        A file that is written anew is another one: what was in it had its time.
        """
        if block in [known for known, *_ in self._blocks.values()]:
            return
        self._settle(code.co_filename)
        self._blocks[code.co_filename] = (block, before, spots(code))

    def settle(self) -> list[str]:
        """The places, as page:line, that never ran."""
        for name in list(self._blocks):
            self._settle(name)
        return self.never

    def _settle(self, name: str) -> None:
        if name not in self._blocks:
            return
        self._hear()
        block, before, wanted = self._blocks.pop(name)
        missing = {line for *_, line in wanted - self._seen}
        page = block.place.rpartition(":")[0]
        self.never += [f"{page}:{line + before}" for line in sorted(missing)]
        self._seen = {spot for spot in self._seen if spot[0] != name}

    def _hear(self) -> None:
        """Take what other processes have told since the last time."""
        if self._log.exists():
            with self._log.open() as log:
                log.seek(self._heard)
                for line in log.read().splitlines():
                    name, what, first, at = line.split("\t")
                    self._seen.add((name, what, int(first), int(at)))
                self._heard = log.tell()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """While it is open, what runs here and in new threads is seen."""

        def inside(frame: FrameType, _event: str, _arg: Any) -> Any:
            code = frame.f_code
            line = frame.f_lineno or 0
            self._seen.add((code.co_filename, code.co_qualname, code.co_firstlineno, line))
            return inside

        def called(frame: FrameType, event: str, arg: Any) -> Any:
            if frame.f_code.co_filename in self._blocks:
                return inside(frame, event, arg)
            return None

        before = sys.gettrace(), threading.gettrace()
        threading.settrace(called)
        sys.settrace(called)
        try:
            yield
        finally:
            sys.settrace(before[0])
            threading.settrace(before[1])  # type: ignore[arg-type]


def spots(code: CodeType) -> set[Spot]:
    """Every line of a piece of code, and of the functions in it."""
    found = {
        (code.co_filename, code.co_qualname, code.co_firstlineno, line)
        for _, _, line in code.co_lines()
        if line
    }
    inner = [one for one in code.co_consts if isinstance(one, CodeType)]
    names = [(one.co_qualname, one.co_firstlineno) for one in inner]
    assert len(names) == len(set(names)), f"two lambdas in a line cannot be told apart: {names}"
    return found.union(*(spots(one) for one in inner))
