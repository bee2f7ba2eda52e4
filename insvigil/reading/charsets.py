"""Character sets that hospitals declare (MSH-18), and bytes of any of them to UTF-8."""

from __future__ import annotations

import codecs

import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

DECLARED: dict[bytes, str] = {
    name: codec
    for codec, names in {
        "iso8859-1": (b"8859/1", b"ISO-8859-1", b"ISO8859-1", b"ISO 8859-1", b"ISO8859/1", b"LATIN1"),
        "iso8859-15": (b"8859/15", b"ISO-8859-15", b"ISO8859-15", b"ISO8859/15"),
        "iso8859-2": (b"8859/2",),
        "iso8859-9": (b"8859/9",),
        "cp1252": (b"CP1252", b"WINDOWS-1252", b"ANSI"),
    }.items()
    for name in names
}
"""The Python codec whose upper half a declared name stands for; that of any other name is cp1252."""


def _points(codec: str) -> str:
    """Return the character of each byte; C1 controls are read as cp1252, ¼ ½ ¾ as Œ œ Ÿ (no fraction in a name)."""
    upper = [bytes([byte]).decode("cp1252" if byte < 160 else codec, "replace") for byte in range(128, 256)]
    points = "".join([*map(chr, range(128)), *upper])
    return points.translate(str.maketrans("¼½¾", "ŒœŸ")) if codec in ("iso8859-1", "cp1252") else points


_CODECS = list(dict.fromkeys(["cp1252", *DECLARED.values()]))
_POINTS = [_points(codec) for codec in _CODECS]
_WIDTHS = np.array([[len(point.encode()) for point in points] for points in _POINTS], np.uint8)

ALREADY = -1
"""The number of no character set: the bytes are UTF-8."""


def numbers_of(declared: pl.Series) -> Ints:
    """Return the number of the character set that each MSH-18 (bytes) names by its first component; 0 is cp1252."""
    names = declared.to_list()
    numbers = {name: _CODECS.index(DECLARED.get((name or b"").split(b"^", 1)[0], "cp1252")) for name in set(names)}
    return np.array([numbers[name] for name in names], np.int64)


def _steps() -> Bytes:
    """Return the state of well-formed UTF-8 after each state and byte (Unicode 15, table 3-7).

    States: 0 between characters, 1 for ever wrong, 2 and 3 one and two bytes to come, 4 to 8 what follows E0, ED, F0,
    F1 to F3 and F4.
    """
    steps = np.ones((9, 256), np.uint8)
    for state, first, last, then in (
        (0, 0x00, 0x7F, 0), (0, 0xC2, 0xDF, 2), (0, 0xE1, 0xEF, 3), (0, 0xE0, 0xE0, 4), (0, 0xED, 0xED, 5),
        (0, 0xF0, 0xF0, 6), (0, 0xF1, 0xF3, 7), (0, 0xF4, 0xF4, 8), (2, 0x80, 0xBF, 0), (3, 0x80, 0xBF, 2),
        (4, 0xA0, 0xBF, 2), (5, 0x80, 0x9F, 2), (6, 0x90, 0xBF, 3), (7, 0x80, 0xBF, 3), (8, 0x80, 0x8F, 3),
    ):  # fmt: skip
        steps[state, first : last + 1] = then
    return steps


UTF8_STEPS = _steps()


def are_utf8(buffer: Bytes, words: npt.NDArray[np.uint64], spans: Ints) -> npt.NDArray[np.bool_]:
    """Return whether each stretch of bytes (begin, end) is well-formed UTF-8."""
    from insvigil.reading.kernels.decoding import follow_all

    ends: Bytes = np.empty(len(spans), np.uint8)
    follow_all(buffer, words, UTF8_STEPS, np.ascontiguousarray(spans), ends)
    return np.equal(ends, 0)


def to_utf8(raw: Bytes, sizes: Ints, numbers: Ints) -> tuple[bytes, Ints]:
    """Return texts that follow one another in ``raw`` as UTF-8, and the span of each.

    ``numbers``: the character set of each. Those of one set are encoded together, by Python's own codecs.
    """
    spans = np.empty((len(sizes), 2), np.int64)
    of = np.repeat(numbers, sizes)
    raw = raw[: len(of)]
    parts: list[bytes] = []
    held = 0
    for number in (np.flatnonzero(np.bincount(numbers - ALREADY)) + ALREADY).tolist():
        rows = np.flatnonzero(numbers == number)
        part = raw[of == number]
        ends = np.cumsum(sizes[rows])
        if number == ALREADY:
            parts.append(part.tobytes())
        else:
            parts.append(codecs.charmap_decode(part.tobytes(), "strict", _POINTS[number])[0].encode())
            ends = np.concatenate([[0], np.cumsum(_WIDTHS[number][part], dtype=np.int64)])[ends]
        spans[rows, 1] = held + ends
        spans[rows, 0] = held + np.concatenate([[0], ends[:-1]])
        held += len(parts[-1])
    return b"".join(parts), spans
