from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from insvigil.qualif.kernels import counting
from tests.qualif.people import UNHURRIED
from tests.references import status_counting

MOVES = st.dictionaries(st.integers(0, 4), st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=4))


@UNHURRIED
@given(MOVES, st.lists(st.tuples(st.integers(0, 4), st.integers(-2, 11)), max_size=12))
def test_status_on__equals_its_slow_twin(moves: dict[int, list[tuple[int, int]]], asked: list[tuple[int, int]]) -> None:
    ordered = {subject: sorted(own, key=lambda move: move[0]) for subject, own in moves.items()}
    flat = [move for subject in range(5) for move in ordered.get(subject, [])]
    start = np.cumsum([0, *(len(ordered.get(subject, [])) for subject in range(5))]).astype(np.int32)
    found = np.full(len(asked), 9, np.uint8)
    counting.status_on(
        np.array([subject for subject, _ in asked], np.uint32),
        np.array([day for _, day in asked], np.int32),
        start,
        np.array([day for day, _ in flat], np.int32),
        np.array([status for _, status in flat], np.uint8),
        found,
    )
    assert found.tolist() == [status_counting.status_on(ordered, subject, day) for subject, day in asked]


@UNHURRIED
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-1, 5), st.integers(0, 3)), max_size=30))
def test_tally__equals_its_slow_twin(rows: list[tuple[int, int, int]]) -> None:
    rows = sorted(rows, key=lambda row: row[0])
    counts = np.zeros((6, 4), np.int64)
    counting.tally(
        np.array([row[0] for row in rows], np.uint32),
        np.array([row[1] for row in rows], np.int32),
        np.array([row[2] for row in rows], np.uint8),
        np.full(6, -1, np.int64),
        counts,
    )
    expected = status_counting.tally(rows)
    assert {(cell, status): int(n) for (cell, status), n in np.ndenumerate(counts) if n} == dict(expected)
