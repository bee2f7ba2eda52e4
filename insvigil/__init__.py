"""insvigil: a batch engine for hospital identity vigilance in France."""

from __future__ import annotations

__version__ = "0.1.0"
