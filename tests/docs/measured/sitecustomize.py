"""Imported by every Python that a page starts: tells which lines of the page's files it ran.

The folder of the page is ``LINES_OF``; each line is told at once, since a server may be killed.
"""

import os
import sys


def watch(folder: str) -> None:
    """Trace the main thread, which is where a page's files are imported and its tests run."""
    log = os.open(os.path.join(folder, ".lines"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    seen = set()

    def inside(frame, _event, _arg):
        code = frame.f_code
        spot = (code.co_filename, code.co_qualname, code.co_firstlineno, frame.f_lineno or 0)
        if spot not in seen:
            seen.add(spot)
            os.write(log, ("\t".join(map(str, spot)) + "\n").encode())
        return inside

    def called(frame, event, arg):
        return inside(frame, event, arg) if frame.f_code.co_filename.startswith(folder) else None

    sys.settrace(called)


if os.environ.get("LINES_OF"):
    watch(os.environ["LINES_OF"])
