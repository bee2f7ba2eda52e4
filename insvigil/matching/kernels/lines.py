"""The 64-byte lines of matching, one line of cache each: that of an identity, that of a distinct name.

Sixteen 32-bit words an identity, everything a comparison reads first.

Name words are indices of distinct names (0: missing), shared by the four name fields, so equal words are equal
strings. The other words are codes whose equality is equality of the value (0: missing).
"""

from __future__ import annotations

BIRTH, USED, FIRST, USED_GIVEN = 0, 1, 2, 3
LIST = 4  # index of the given-name list, below the place of its first name in ``LATER``
DATE = 5  # year << 9 | month << 5 | day, 0 where a part is missing
PLACE, POSTAL = 6, 7  # packed characters, 6 bits each, five characters
CITY, ADDRESS, PHONE, EMAIL = 8, 9, 10, 11  # after the places: a comparison reads the six as two times three bits
PHONE_HASHED = 1 << 31  # below it: one more than the nine digits of a national number
MATRICULE_LOW, MATRICULE_HIGH = 12, 13  # 13 characters of 4 bits, plus one bit « present »
FLAGS = 14
RARITY = 15  # four bytes: birth name, first given name, place, postal code; in eighths of a bit
WIDTH = 16

SEX_MASK = 3  # 0 missing or indeterminate, 1 male, 2 female
PLACEHOLDER = 1 << 2  # the birth date is a default or partial one
MATRICULE_VALID = 1 << 3
MATRICULE_INCOHERENT = 1 << 4  # the matricule contradicts the sex, year or month beside it
FOCUS = 1 << 5  # compare the pairs of this identity
SECOND = ((1 << 10) - 1) << 6  # a hash of the second given name, where the list begins with the first one; else 0
LATER = 16  # above: the set of the names of the list after its first one, a bit each by the upper bits of its hash
SEVERAL_GIVEN = 1 << LATER  # from here on, the list holds a second given name
LATER_BITS = 4
FIRST_SHIFT = 32 - LATER_BITS  # in ``LIST``
LIST_INDEX = (1 << FIRST_SHIFT) - 1

# The line of a distinct name: hashes of its sound, its skeleton, its first three letters and its initial; the set of
# its letters, with its length in the six upper bits; those that come twice, with a bit for a second word; from byte
# ``CHARS``, its letters.
SOUND, SKELETON, HEAD, INITIAL, LETTERS, TWICE = range(6)
LETTER_SET = (1 << 26) - 1
SEVERAL_WORDS = 1 << 26
CHARS = 32
NAME_WIDTH = 16
