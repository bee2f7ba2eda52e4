"""The levels at which two identities may agree, trait by trait: the numbers that the kernels write."""

from __future__ import annotations

# The order of the traits in ``levels``, as in ``frames.AGREEMENTS``.
T_FAMILY, T_GIVEN, T_DATE, T_SEX, T_PLACE, T_MATRICULE, T_POSTAL, T_ADDRESS, T_PHONE, T_EMAIL = range(10)
TRAITS = 10

# Family name: how it relates, in order of strength (0: missing on a side).
F_DIFFERENT, F_FAINT, F_PREFIX, F_NEAR, F_CROSSED_CLOSE, F_PART, F_CLOSE, F_CROSSED, F_SAME = range(1, 10)
# Given names.
G_DIFFERENT, G_FAINT, G_PREFIX, G_ELSEWHERE, G_NEAR, G_PART, G_CLOSE, G_INVERTED = range(1, 9)
G_SAME_OTHERS_DIFFER, G_SAME, G_SAME_LIST = 9, 10, 11
# Birth date.
D_DIFFERENT, D_YEAR, D_GENERATION, D_PART, D_PLACEHOLDER, D_NEAR, D_SWAPPED, D_SAME_PLACEHOLDER, D_SAME = range(1, 10)
# Sex, place, postal code or city.
S_DIFFERENT, S_SAME = 1, 2
P_DIFFERENT, P_NEAR, P_CITY, P_SAME = 1, 2, 3, 4
# Matricule.
M_DIFFERENT, M_SAME_BIRTH, M_CLOSE, M_SAME_INCOHERENT, M_SAME = 1, 2, 3, 4, 5
# Address, phone, e-mail: ``X_SIMILAR`` is settled afterwards, on the few pairs that remain, but for packed phones.
X_DIFFERENT, X_SIMILAR, X_SAME = 1, 2, 3

# The rarities that follow the levels, in eighths of a bit.
R_FAMILY, R_GIVEN, R_PLACE, R_POSTAL = TRAITS, TRAITS + 1, TRAITS + 2, TRAITS + 3
