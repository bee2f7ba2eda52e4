"""The 64-byte line of an identity: sixteen 32-bit words, everything a comparison reads first.

Name words are indices of distinct names (0: missing), shared by the four name fields, so equal words are equal
strings. The other words are codes whose equality is equality of the value (0: missing).
"""

from __future__ import annotations

BIRTH, USED, FIRST, USED_GIVEN = 0, 1, 2, 3
LIST = 4  # index of the given-name list
DATE = 5  # year << 9 | month << 5 | day, 0 where a part is missing
PLACE, POSTAL = 6, 7  # packed characters, 6 bits each, five characters
MATRICULE_LOW, MATRICULE_HIGH = 8, 9  # 13 characters of 4 bits, plus one bit « present »
ADDRESS, PHONE, EMAIL, CITY = 10, 11, 12, 13
FLAGS = 14
RARITY = 15  # four bytes: birth name, first given name, place, postal code; in eighths of a bit
WIDTH = 16

SEX_MASK = 3  # 0 missing or indeterminate, 1 male, 2 female
PLACEHOLDER = 1 << 2  # the birth date is a default or partial one
MATRICULE_VALID = 1 << 3
MATRICULE_INCOHERENT = 1 << 4  # the matricule contradicts the sex, year or month beside it
FOCUS = 1 << 5  # compare the pairs of this identity
