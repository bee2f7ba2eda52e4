"""What a detector is: a rule and the question it asks of a value, of an identity or of the whole file."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Literal

import numpy as np
import polars as pl

from insvigil.frames import IDENTITY_FIELDS
from insvigil.traits import matricule
from insvigil.traits.detectors.meetings import MISSING, Longs, Words, repeated, repeated_texts
from insvigil.traits.rewriting import present
from insvigil.vocabulary import BirthDateKind, Confidence, Finding, Rule, Scope, Severity

VALUE = pl.col("value")
"""The distinct values received in the field of an ``OnValue`` detector."""

KEY = pl.col("key")
"""Their comparison keys."""

TODAY = pl.col("today")


def received(field: str) -> pl.Expr:
    """Return the field as received, in the frame that ``OnIdentity`` detectors see (bare names are the traits)."""
    return pl.col(f"received_{field}")


def absent(*fields: str) -> pl.Expr:
    """Return whether none of the fields was received, in a file that gives one of them for somebody at least."""
    known = pl.any_horizontal(received(field).is_not_null() for field in fields)
    return ~known & pl.any_horizontal(pl.col(f"given_{field}") for field in fields)


ASKED_OF_ALL = ("birth_name", "first_given_name", "given_names", "birth_date", "sex", "birth_place",
                "birth_place_name", "matricule_oid")  # fmt: skip
"""The fields of ``absent``: whether the file gives them at all is a column ``given_…``."""


@dataclass(frozen=True, slots=True)
class OnValue:
    """A detector that looks at the distinct values of one field, then maybe at the persons who have them."""

    rule: Rule
    field: str
    test: pl.Expr
    among: pl.Expr | None = None
    needs: str = "identities"


@dataclass(frozen=True, slots=True)
class OnIdentity:
    """A detector that looks at one identity at a time: all ``persons``, or the ``bearers`` of a matricule."""

    rule: Rule
    test: pl.Expr
    view: Literal["persons", "bearers"] = "persons"
    needs: str = "identities"


@dataclass(frozen=True, slots=True)
class OnFile:
    """A detector that looks across identities, changes, pairs, groups or stays.

    ``find`` returns one row a finding, with ``identity_id`` or (``domain``, ``ipp``), and maybe ``other_id`` and
    ``subject``; ``needs`` is the frame without which it finds nothing, ``base`` when it sets identities side by side.
    """

    rule: Rule
    find: Callable[[Material], pl.DataFrame]
    needs: str = "identities"


Detector = OnValue | OnIdentity | OnFile


@dataclass(frozen=True)
class Material:
    """All that detectors may look at in one run."""

    identities: pl.DataFrame
    traits: pl.DataFrame
    today: date
    changes: pl.DataFrame | None = None
    pairs: pl.DataFrame | None = None
    groups: pl.DataFrame | None = None
    stays: pl.DataFrame | None = None
    absorbed: pl.DataFrame | None = None
    referential: pl.DataFrame | None = None
    given: Collection[str] | None = None

    @property
    def base(self) -> pl.DataFrame:
        """The identities, for the detectors that set them side by side: they must then be the whole file."""
        return self.identities

    def field(self, name: str) -> pl.Series:
        """Return a field as received, the HL7 null value and the empty string being null."""
        if name in self.identities.columns:
            return present(self.identities[name])
        return pl.Series(name, [None], dtype=pl.String).new_from_index(0, self.identities.height)

    def traits_of(self, rows: pl.Series, *names: str) -> pl.DataFrame:
        """Return some traits of the identities in some rows (joining the whole file would hash it)."""
        return pl.DataFrame([self.traits[name].gather(rows) for name in names])

    def rows_of(self, numbers: pl.Series) -> pl.Series:
        """Return the row of each of some identities, null for those that the file lacks."""
        own = self.traits["identity_id"].to_numpy()
        if np.array_equal(own, np.arange(len(own), dtype=np.uint32)):
            return numbers.set(numbers >= len(own), None)
        rows = pl.DataFrame({"own": own, "row": np.arange(len(own), dtype=np.uint32)})
        return numbers.alias("own").to_frame().join(rows, on="own", how="left", maintain_order="left")["row"]

    @cached_property
    def proposed(self) -> pl.DataFrame:
        """The pairs proposed as doublons, sorted: ``identity_id``, ``other_id`` and the row of each."""
        if self.pairs is None:
            return pl.DataFrame(schema=dict.fromkeys(("identity_id", "other_id", "row", "other_row"), pl.UInt32))
        said = self.pairs.filter(pl.col("finding") == Finding.DPOT.value)
        sides = said.select(identity_id="left", other_id="right").sort("identity_id", "other_id")
        rows = (self.rows_of(sides["identity_id"]).alias("row"), self.rows_of(sides["other_id"]).alias("other_row"))
        return sides.with_columns(rows).drop_nulls()

    @cached_property
    def members(self) -> pl.DataFrame:
        """The members of the agrégats, sorted: ``group``, ``identity_id`` and ``row``."""
        if self.groups is None:
            return pl.DataFrame(schema=dict.fromkeys(("group", "identity_id", "row"), pl.UInt32))
        said = self.groups.select("group", "identity_id").sort("group", "identity_id")
        return said.with_columns(row=self.rows_of(said["identity_id"])).drop_nulls()

    @cached_property
    def names(self) -> pl.DataFrame:
        """The ``domain`` and ``ipp`` of each identity, row for row; no row when the file has none."""
        if {"domain", "ipp"} <= set(self.identities.columns):
            return self.identities.select("domain", "ipp")
        return pl.DataFrame(schema={"domain": pl.String, "ipp": pl.String})

    @cached_property
    def persons(self) -> pl.DataFrame:
        """The traits, the fields as ``received_…``, ``born`` (a date of the calendar or null) and ``today``."""
        known = pl.col("birth_date_kind").is_in([BirthDateKind.EXACT.value, BirthDateKind.PLACEHOLDER.value])
        return self.traits.with_columns(
            *(self.field(name).alias(f"received_{name}") for name in IDENTITY_FIELDS),
            born=pl.date(pl.when(known).then("birth_year"), "birth_month", "birth_day"),
            today=pl.lit(self.today),
            **{f"given_{name}": pl.lit(self._gives(name)) for name in ASKED_OF_ALL},
        )

    def _gives(self, name: str) -> bool:
        """Return whether the file gives the field for somebody at least."""
        return name in self.given if self.given is not None else self.field(name).count() > 0

    @cached_property
    def births(self) -> Words:
        """The birth date of each identity as one number, whatever parts are missing."""
        return self.dates("birth_year", "birth_month", "birth_day")

    def dates(self, year: str, month: str, day: str) -> Words:
        """Return three parts as one number an identity, in the order given."""
        y, m, d = (self.traits[part].cast(pl.UInt32).fill_null(0).to_numpy() for part in (year, month, day))
        dates: Words = y << np.uint32(10) | m << np.uint32(5) | d
        return dates

    def mixed(self, *names: str, beside: Words | None = None) -> Longs:
        """Return one number for the named traits (``Categorical``) and what is ``beside``; 0 where one is missing.

        Equal where they are: identities meet by one number (see ``meetings.py``) where polars takes 100 ms a million
        to join on five columns. Two numbers may be equal by chance: the few rows found are then compared trait by
        trait.
        """
        from insvigil.traits.kernels import mix

        mixed = np.ones(self.traits.height, np.uint64)
        if beside is not None:
            mix(mixed, beside, MISSING)
        for name in names:
            codes = self.traits[name].to_physical().cast(pl.UInt32).fill_null(MISSING)
            mix(mixed, codes.to_numpy(), MISSING)
        return mixed

    @cached_property
    def named(self) -> Longs:
        """One number for the birth name, the first given name and the birth date of each identity."""
        return self.mixed("birth_name", "first_given_name", beside=self.births)

    @cached_property
    def alike(self) -> pl.DataFrame:
        """The pairs equal on names and exact birth date: an identity, and the first of its like as ``…_first``."""
        keys = ["birth_name", "first_given_name", "birth_year", "birth_month", "birth_day"]
        exact = (self.traits["birth_date_kind"] == BirthDateKind.EXACT.value).fill_null(False)
        rows = (
            self.traits.select("identity_id", "sex", "birth_place", *keys)
            .filter(exact & repeated(self.named))
            .sort("identity_id")
        )  # an exact date has its three parts
        first = rows.unique(keys, keep="first", maintain_order=True)
        pairs = rows.join(first, on=keys, suffix="_first")
        return pairs.filter(pl.col("identity_id") != pl.col("identity_id_first"))

    @cached_property
    def sharers(self) -> pl.DataFrame:
        """The traits of the identities that bear the valid matricule of another one, in order."""
        names = ("identity_id", "matricule", "birth_name", "used_name", "first_given_name", "sex")
        traits = self.traits.select(*names, "birth_year", "birth_month", "birth_day", "matricule_valid")
        valid = traits.filter(pl.col("matricule_valid"))
        return valid.filter(repeated_texts(valid["matricule"])).sort("identity_id")

    @cached_property
    def bearers(self) -> pl.DataFrame:
        """The persons who bear a matricule, with what it says: see ``matricule.meaning``."""
        seen = self.persons.select(
            *("identity_id", "birth_year", "birth_month", "birth_place", "sex", "today", "matricule_valid"),
            *("matricule", "received_matricule", "received_matricule_oid", "given_matricule_oid"),
        )
        bearers = seen.filter(pl.col("matricule").is_not_null())
        whole = bearers["matricule"].cast(pl.String)
        doubtful = ~bearers["matricule_valid"]
        whole = whole.scatter(doubtful.arg_true(), matricule.cleaned(bearers["received_matricule"].filter(doubtful)))
        meaning = matricule.meaning(whole)
        length = meaning["length"].set(bearers["matricule_valid"], matricule.WHOLE)
        return bearers.hstack(meaning.with_columns(length))


def rule(
    code: str,
    severity: Severity,
    sentence: str,
    reason: str,
    advice: str,
    *,
    source: str = "convention d'insvigil",
    confidence: Confidence = Confidence.CONVENTION,
    scope: Scope = Scope.IDENTITY,
) -> Rule:
    """Return a rule; without a source it is insvigil's convention."""
    return Rule(code, severity, scope, sentence, reason, advice, source, confidence)
