"""The sound of a French name: a fine key and a coarse one. The rules are in ``rules.py``."""

from insvigil.phonetics.keys import coarse_key, coarse_keys, coarser_texts, fine_key, fine_keys, fine_texts

__all__ = ["coarse_key", "coarse_keys", "coarser_texts", "fine_key", "fine_keys", "fine_texts"]
