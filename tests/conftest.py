"""Settings of every test: hypothesis counts examples, never seconds (machines differ, and no test is timed)."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("insvigil", deadline=None)
settings.load_profile("insvigil")
