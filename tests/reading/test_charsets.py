from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from insvigil.reading.charsets import ALREADY, are_utf8, numbers_of, to_utf8
from insvigil.reading.hl7_grammar import Batch


def is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


edges = st.sampled_from(
    [0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEF, 0xF0]
)
stretches = st.one_of(
    st.binary(max_size=30), st.lists(edges | st.integers(0xE8, 0xFF), max_size=12).map(bytes), st.text().map(str.encode)
)


@given(st.lists(stretches, max_size=8))
@example([b"plain text of more than eight bytes \xc3\xa9", b"\xc3", b"\xa9"])
def test_are_utf8__agrees_with_python(texts: list[bytes]) -> None:
    batch = Batch.of(b"".join(texts))
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    spans = np.stack([ends - [len(text) for text in texts], ends], axis=1).astype(np.int64)
    assert are_utf8(batch.buffer, batch.words, spans).tolist() == [is_utf8(text) for text in texts]


@given(st.lists(st.tuples(st.binary(max_size=20), st.sampled_from([b"8859/15", b"8859/2", b"ANSI", None])), max_size=8))
def test_to_utf8__agrees_with_the_codecs_of_python(values: list[tuple[bytes, bytes | None]]) -> None:
    names = numbers_of(pl.Series([name or b"" for _, name in values], dtype=pl.Binary))
    numbers = np.array(
        [ALREADY if name is None else int(number) for (_, name), number in zip(values, names, strict=True)], np.int64
    )
    sizes = np.array([len(value) for value, _ in values], np.int64)
    raw = np.frombuffer(b"".join(value for value, _ in values) + bytes(8), np.uint8)
    text, spans = to_utf8(raw, sizes, numbers)
    codecs = {b"8859/15": "iso8859-15", b"8859/2": "iso8859-2", b"ANSI": "cp1252"}
    for (value, name), (begin, end) in zip(values, spans.tolist(), strict=True):
        expected = value
        if name is not None:
            upper = [bytes([byte]).decode("cp1252" if byte < 160 else codecs[name], "replace") for byte in value]
            expected = "".join(upper).translate(str.maketrans("¼½¾", "ŒœŸ") if name == b"ANSI" else {}).encode()
        assert text[begin:end] == expected


@pytest.mark.parametrize(
    ("declared", "letters"),
    [
        ("8859/15", "€Œœ"),
        ("8859/1", "¤Œœ"),
        ("8859/15^x", "€Œœ"),
        ("8859/2", "¤ź˝"),
        ("UNICODE UTF-8", "¤Œœ"),
        (None, "¤Œœ"),
    ],
)
def test_numbers_of__takes_the_first_component_and_falls_back_on_cp1252(declared: str | None, letters: str) -> None:
    series = pl.Series([declared.encode() if declared else None], dtype=pl.Binary)
    text, _ = to_utf8(np.array([0xA4, 0xBC, 0xBD], np.uint8), np.array([3]), numbers_of(series))
    assert text.decode() == letters
