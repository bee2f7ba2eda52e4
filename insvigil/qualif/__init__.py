"""Identities → statuses → the figure a hospital can defend."""

from __future__ import annotations

from insvigil.qualif.statuses import derive_statuses, status_anomalies

__all__ = ["derive_statuses", "status_anomalies"]
