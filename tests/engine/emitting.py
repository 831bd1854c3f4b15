"""Routes of the test app that emit, and that show what the transport holds."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from flask import Blueprint, current_app, request

emitting = Blueprint("emitting", __name__)

real_time = time.time
clock = {"offset": 0.0}


def step_clock() -> None:
    """Let `time.time` of this process be set."""
    time.time = lambda: real_time() + clock["offset"]


def number(name: str, default: int = 0) -> int:
    return int(request.args.get(name, default))


def server() -> Any:
    return current_app.extensions["socketio"].server


def wire_of(sid: str) -> Any:
    return server().eio.sockets[server().manager.eio_sid_from_sid(sid, "/")]._wire


def emit(sequence: int, of: int = 0) -> None:
    event = {"of": of, "number": sequence, "filling": "x" * number("size")}
    server().emit("event", event, to=request.args.get("to"))


@emitting.get("/emit")
def many() -> str:
    """Emit `count` events, `size` characters each, with a rest after every `batch` of them."""
    for sequence in range(number("count")):
        emit(sequence)
        if sequence % number("batch", 1_000_000) == 0:
            server().sleep(number("rest_ms") / 1000)
    return "done"


@emitting.get("/fill")
def fill() -> str:
    """Emit to one client until `held` packets wait for it; how many events that were."""
    sequence = 0
    wire = wire_of(request.args["to"])
    while wire.held < number("held"):
        emit(sequence)
        sequence += 1
    return str(sequence)


@emitting.get("/storm")
def storm() -> str:
    """Several emitters at once to one client, none faster than it reads."""
    wire = wire_of(request.args["to"])
    context = current_app.app_context, request.environ

    def run(of: int) -> None:
        with context[0](), current_app.request_context(context[1]):
            for sequence in range(number("count")):
                while wire.held > number("held"):
                    server().sleep(0.001)
                emit(sequence, of)
                server().sleep(0)

    tasks = [server().start_background_task(run, of) for of in range(number("emitters"))]
    server().sleep(0)
    for task in tasks:
        task.join()
    return "done"


@emitting.get("/counts")
def counts() -> dict[str, int]:
    eio = server().eio
    return {"sockets": len(eio.sockets), "beating": len(eio.heartbeat), **asdict(eio.counts)}


@emitting.get("/clock")
def set_clock() -> str:
    clock["offset"] = float(request.args.get("offset", clock["offset"]))
    return str(time.time())
