"""What tmux 3.4 and 3.5a print where there is a backslash: a value's own they print as it is, so whether one begins an
escape shows only by the lengths, and by what follows."""

from __future__ import annotations

from typing import TypeAlias

from codex_tmux.errors import Misread, TmuxError

Pieces: TypeAlias = "tuple[Pieces, bytes] | None"

TRIES = 20_000
"""How many beginnings of a value are looked at: any program may choose a title of thousands of backslashes. Of a value
with more, what was found by then is all there is."""

C_STYLE = {b"a": 7, b"b": 8, b"v": 11, b"f": 12, b"r": 13}
NAME_START = frozenset(bytes([c]) for c in b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_{")


def parse_escaped(data: bytes, at: int, mark: bytes, counted: int, options: int) -> tuple[list[str], int]:
    """The counted values of a row and then, where there are any, those of its options; and where the next row begins.

    `mark` is what each row begins with. Raises TmuxError where nothing fits, or values may end at several places.
    """
    known: dict[tuple[int, int], list[tuple[tuple[bytes, ...], int]]] = {}

    def readings(here: int, count: int) -> list[tuple[tuple[bytes, ...], int]]:
        """Up to two ways to read the values from the one of this number on."""
        if (here, count) not in known:
            found: list[tuple[tuple[bytes, ...], int]] = []
            if count in (counted, counted + options) and is_end(data, here, mark):
                found.append(((), here + 1))
            elif count < counted + options:
                for value, comma in values_at(data, here, b"\\$" in mark):
                    found += [((value, *rest), end) for rest, end in readings(comma + 1, count + 1)]
            known[here, count] = found[:2]
        return known[here, count]

    found = readings(at, 0)
    if len(found) != 1:
        raise TmuxError(f"tmux printed a row that can be read in {'more than one' if found else 'no'} way")
    values, end = found[0]
    return [value.decode("utf-8", "surrogateescape") for value in values], end


def is_end(data: bytes, at: int, mark: bytes) -> bool:
    """Whether a row ends here."""
    return data[at : at + 1] == b"\n" and (len(data) == at + 1 or data.startswith(mark, at + 1))


def values_at(data: bytes, at: int, dollars: bool) -> list[tuple[bytes, int]]:
    r"""What the counted value that stands here may be, one for each comma that it may end at, and that comma.

    >>> values_at(rb"7:a\302b\r,", 0, False) == [(b"a\\302b\r", 10)]
    True
    >>> values_at(rb"4:\$x\$y,", 0, True)
    [(b'$x$y', 8)]
    """
    try:
        length, at = length_at(data, at)
    except TmuxError:
        return []
    found: dict[int, bytes] = {}
    seen: set[tuple[int, int]] = set()
    # Where to read on, how many bytes there are by then, and these: the last one first.
    ways: list[tuple[int, int, Pieces]] = [(at, 0, None)]
    while ways and len(seen) < TRIES:
        here, made, pieces = ways.pop()
        end = here + length - made
        backslash = data.find(b"\\", here, end)
        plain = data[here : backslash if backslash >= 0 else end]
        here, made, pieces = here + len(plain), made + len(plain), (pieces, plain)
        if made == length and data[here : here + 1] == b",":
            found.setdefault(here, joined(pieces))
        if made == length or backslash < 0 or (here, made) in seen:
            continue
        seen.add((here, made))
        byte, width = escape_at(data, here, dollars)
        # The last way is tried first: most of what looks like an escape is one.
        ways.append((here + 1, made + 1, (pieces, b"\\")))
        if width > 1:
            ways.append((here + width, made + 1, (pieces, bytes([byte]))))
    if data[at + length : at + length + 1] == b",":
        found.setdefault(at + length, data[at : at + length])
    return [(value, comma) for comma, value in found.items()]


def escape_at(data: bytes, at: int, dollars: bool) -> tuple[int, int]:
    """The byte that the backslash at `at` may be an escape for, and of how many bytes that is made; 1 where of none."""
    octal = data[at + 1 : at + 4]
    if len(octal) == 3 and all(0x30 <= c <= 0x37 for c in octal):
        code = int(octal, 8)
        if code < 0x20 or code >= 0x7F:
            return code & 0xFF, 4
    if code := C_STYLE.get(data[at + 1 : at + 2], 0):
        return code, 2
    if dollars and data[at + 1 : at + 2] == b"$" and data[at + 2 : at + 3] in NAME_START:
        return 0x24, 2
    return data[at], 1


def joined(pieces: Pieces) -> bytes:
    """The pieces, the last one first, as one."""
    found = []
    while pieces:
        pieces, piece = pieces
        found.append(piece)
    return b"".join(reversed(found))


def length_at(data: bytes, at: int) -> tuple[int, int]:
    """The length that stands at `at`, and where the value begins. Raises Misread where there is none."""
    end = data.find(b":", at)
    if end < 0 or not data[at:end].isdigit():
        raise Misread("tmux printed half a row: no length of a value")
    return int(data[at:end]), end + 1
