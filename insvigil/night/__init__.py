"""A night under way: what it has made so far, and the work of the stages that spans several rooms."""

from __future__ import annotations

from insvigil.night.night import Night, Progress, Tell

__all__ = ["Night", "Progress", "Tell"]
