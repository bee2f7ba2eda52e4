"""Slow twins of the matching kernels: the same rules in plain Python, over strings and dictionaries."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from insvigil.matching.kernels import lines as w

if TYPE_CHECKING:
    from insvigil.matching.encoding import Encoding

DIFFERENT, FAINT, PREFIX, NEAR, PART, CLOSE, SAME = 1, 2, 3, 4, 5, 6, 7


def edit_distance(a: str, b: str) -> int:
    """Optimal string alignment, by its table."""
    rows = [[i + j if i * j == 0 else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            change = a[i - 1] != b[j - 1]
            rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + change)
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
    return rows[-1][-1]


def has_every_word(a: str, b: str) -> bool:
    words = a.split(" ")
    return set(words) <= set(b.split(" ")) and any(len(word) >= 3 for word in words)


def relate(a: str, b: str, *, same_sound: bool, same_skeleton: bool) -> int:
    """How two distinct names relate."""
    short, long = sorted((a, b), key=len)
    if same_sound or a.replace(" ", "") == b.replace(" ", ""):
        return CLOSE
    d = edit_distance(a, b) if len(long) - len(short) <= 3 else 99
    if d <= 1 and len(short) >= 3 and len(long) >= 4:
        return CLOSE
    if has_every_word(short, long) or (len(a) == len(b) and has_every_word(long, short)):
        return PART
    if (d <= 2 and len(short) >= 5) or (d <= 3 and len(short) >= 9):
        return NEAR
    if long.startswith(short) and (len(short) == 1 or len(short) >= 3):
        return PREFIX
    if same_skeleton or (d <= 2 and len(short) >= 3) or (d <= 3 and len(short) >= 6):
        return FAINT
    return DIFFERENT


def digit_apart(x: int, y: int) -> bool:
    """One digit changed, or two neighbours exchanged, in four digits."""
    a, b = f"{x:04d}", f"{y:04d}"
    apart = [k for k in range(4) if a[k] != b[k]]
    if len(apart) == 1:
        return True
    return len(apart) == 2 and apart[1] == apart[0] + 1 and a[apart[0]] == b[apart[1]] and a[apart[1]] == b[apart[0]]


def date_level(a: tuple[int, int, int], b: tuple[int, int, int], default_a: bool, default_b: bool) -> int:
    """Levels of two (year, month, day), 0 where a part is missing."""
    if not a[0] or not b[0]:
        return 0
    loose = default_a or default_b or not all(a) or not all(b)
    if a == b:
        return 8 if loose else 9
    if a[0] == b[0] and loose:
        return 5
    if a[0] == b[0] and (a[1], a[2]) == (b[2], b[1]):
        return 7
    apart = [k for k in range(3) if a[k] != b[k]]
    if len(apart) == 1:
        k = apart[0]
        return 6 if abs(a[k] - b[k]) == 1 or digit_apart(a[k], b[k]) else 4
    if a[0] == b[0]:
        return 2
    return 3 if abs(a[0] - b[0]) >= 15 and not (default_a or default_b) else 1


def agglomerate(size: int, weights: dict[tuple[int, int], float]) -> list[set[int]]:
    """Average linkage of one component, joining the best mean first while it is positive."""
    parts = [{i} for i in range(size)]
    while True:
        best, joined = 0.0, None
        for p, q in combinations(range(len(parts)), 2):
            across = [weights[min(i, j), max(i, j)] for i in parts[p] for j in parts[q]]
            mean = sum(across) / len(across)
            if mean > best:
                best, joined = mean, (p, q)
        if joined is None:
            return parts
        p, q = joined
        parts[p] |= parts.pop(q)


def key_values(parts: int, row: int, encoding: Encoding) -> set[tuple[int, ...]]:
    """The values with which a row enters a key: its parts one by one, for each of the names that the key takes."""
    from insvigil.matching.kernels import candidates as k

    line = [int(word) for word in encoding.lines[row]]
    year, month, day = line[w.DATE] >> 9, line[w.DATE] >> 5 & 15, line[w.DATE] & 31
    if line[w.FLAGS] & w.PLACEHOLDER:
        month = day = 0
    matricule = line[w.MATRICULE_HIGH] << 32 | line[w.MATRICULE_LOW]
    plain = [
        year, month, day, min(month, day) << 5 | max(month, day) if month and day else 0, year // 10,
        line[w.FLAGS] & w.SEX_MASK, line[w.PLACE], line[w.POSTAL], int(encoding.lists[line[w.LIST] & w.LIST_INDEX, 1]),
        line[w.PHONE], line[w.EMAIL], line[w.ADDRESS], matricule, matricule >> 12, matricule & (1 << 40) - 1,
    ]  # fmt: skip
    families = {line[w.BIRTH]} | ({line[w.USED]} - {0} if parts & k.ANY_FAMILY else set())
    givens = {line[w.FIRST]} | ({line[w.USED_GIVEN]} - {0} if parts & k.ANY_GIVEN else set())
    found = set()
    for family in families:
        for given in givens:
            names = [
                *(int(encoding.names[family, c]) if family else 0 for c in range(4)),
                *(int(encoding.names[given, c]) if given else 0 for c in range(4)),
            ]
            x, y = sorted((names[0], names[4]))
            both = x << 32 | y if x and x != y else 0
            value = tuple(part for bit, part in enumerate([*plain, *names, both]) if parts >> bit & 1)
            if all(value):
                found.add(value)
    return found
