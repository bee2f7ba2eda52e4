"""What folding read of the identities of a night, kept for the stages that ask the same of the same.

To look for some thousand identities in a table of fields or of statements is to read it all: 0.6 to 1.2 s of processor
at five millions, each time. Nothing but folding writes these two tables in a run.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

AT_MOST = 150_000
"""Identities kept in mind, about 0.2 GB; a stage asks the register for those of a longer night."""


class Recalled(NamedTuple):
    """The rows of ``identity`` and of ``statement`` of all the keys that folding looked at."""

    states: pl.DataFrame
    said: pl.DataFrame

    def then(self, later: Recalled) -> Recalled | None:
        """Return both, of a key looked at twice what was read last; None when that is too many."""
        kept = Recalled(*(part.join(later.states, on="key", how="anti") for part in self))
        if kept.states.height + later.states.height > AT_MOST:
            return None
        return Recalled(*(pl.concat(parts) for parts in zip(kept, later, strict=True)))

    def states_of(self, keys: pl.Series) -> pl.DataFrame | None:
        """Return the rows of ``identity`` of some keys, in their order; None unless all are kept in mind."""
        found = keys.alias("key").to_frame().join(self.states, on="key", how="inner", maintain_order="left")
        return found if found.height == keys.len() else None

    def said_of(self, keys: pl.Series) -> pl.DataFrame | None:
        """Return the rows of ``statement`` of some keys; None unless all are kept in mind."""
        asked = keys.alias("key").to_frame()
        if asked.join(self.states, on="key", how="anti").height:
            return None
        return self.said.join(asked, on="key", how="semi")
