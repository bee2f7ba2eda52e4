"""The sound of a French name: a fine key and a coarse one. The rules are in ``rules.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from insvigil.surface import surface

if TYPE_CHECKING:
    from insvigil.phonetics.keys import coarse_key, coarse_keys, coarser_texts, fine_key, fine_keys, fine_texts

__all__ = ["coarse_key", "coarse_keys", "coarser_texts", "fine_key", "fine_keys", "fine_texts"]

_HOMES = dict.fromkeys(__all__, "keys")

__getattr__ = surface(__name__, _HOMES)
