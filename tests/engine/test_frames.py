"""WebSocket frames, without a socket."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.engine.frames import BINARY, TEXT, BadFrame, Frames, encode

LIMIT = 70_000


def masked(payload: bytes, opcode: int, final: bool = True, mask: bytes = b"\1\2\3\4") -> bytes:
    head = bytearray(encode(payload, opcode))
    size = len(payload)
    split = len(head) - size
    head[0] = (0x80 if final else 0) | opcode
    head[1] |= 0x80
    return bytes(head[:split]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def reader(data: bytes, chunk: int = 4096, limit: int = LIMIT) -> tuple[Frames, list[bytes]]:
    """What comes of `data` if the network brings it in pieces of `chunk` bytes."""
    answers: list[bytes] = []
    left = [data]

    def recv(size: int) -> bytes:
        part = left[0][: min(size, chunk)]
        left[0] = left[0][len(part) :]
        return part

    return Frames(recv, answers.append, limit), answers


@given(
    st.lists(st.text() | st.binary(), min_size=1),
    st.integers(1, 50),
    st.binary(min_size=4, max_size=4),
)
def test_messages_arrive_as_they_were_sent_however_the_network_cuts_them(
    messages: list[str | bytes], chunk: int, mask: bytes
) -> None:
    data = b"".join(
        masked(one.encode(), TEXT, mask=mask)
        if isinstance(one, str)
        else masked(one, BINARY, mask=mask)
        for one in messages
    )
    frames, _ = reader(data, chunk)
    assert [frames.next() for _ in messages] == messages
    assert frames.next() is None


@given(st.text(min_size=1), st.integers(1, 9))
def test_a_message_in_fragments_is_one_message(text: str, size: int) -> None:
    raw = text.encode()
    parts = [raw[i : i + size] for i in range(0, len(raw), size)]
    last = len(parts) - 1
    frames, _ = reader(
        b"".join(masked(part, TEXT if i == 0 else 0, i == last) for i, part in enumerate(parts))
    )
    assert frames.next() == text


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_every_form_of_length_is_read(size: int) -> None:
    assert reader(masked(b"x" * size, BINARY))[0].next() == b"x" * size


def test_a_ping_between_fragments_is_answered() -> None:
    data = masked(b"a", TEXT, final=False) + masked(b"hello", 9) + masked(b"b", 0)
    frames, answers = reader(data)
    assert (frames.next(), answers) == ("ab", [encode(b"hello", 10)])


def test_a_close_is_answered_with_its_code_and_ends_the_messages() -> None:
    frames, answers = reader(masked(struct.pack("!H", 1001) + b"bye", 8) + masked(b"x", TEXT))
    assert frames.next() is None
    assert answers == [b"\x88\x02\x03\xe9"]


BROKEN: dict[str, tuple[bytes, int]] = {
    "reserved bits": (b"\xc1\x80\0\0\0\0", 1002),
    "unknown opcode": (b"\x83\x80\0\0\0\0", 1002),
    "not masked": (encode(b"x", TEXT), 1002),
    "nothing to continue": (masked(b"x", 0), 1002),
    "begun twice": (masked(b"x", TEXT, final=False) + masked(b"x", TEXT), 1002),
    "fragmented ping": (masked(b"x", 9, final=False), 1002),
    "long ping": (masked(b"x" * 126, 9), 1002),
    "no UTF-8": (masked(b"\xff", TEXT), 1007),
    "too long": (b"\x81\xff" + struct.pack("!Q", LIMIT + 1), 1009),
    "too long in all": (masked(b"x" * LIMIT, TEXT, final=False) + masked(b"x", 0), 1009),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_frame_is_refused_with_the_code_of_its_fault(case: str) -> None:
    data, code = BROKEN[case]
    with pytest.raises(BadFrame) as refused:
        reader(data)[0].next()
    assert refused.value.code == code


@given(st.binary())
def test_no_bytes_make_it_fail_in_another_way(data: bytes) -> None:
    frames, _ = reader(data)
    drain: Callable[[], object] = frames.next
    try:
        while drain() is not None:
            pass
    except BadFrame:
        pass
