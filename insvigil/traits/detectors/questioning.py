"""The second half of the stage: identities and their traits questioned by all the detectors switched on."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial

import dataframely as dy
import polars as pl

from insvigil.distinct import Distinct
from insvigil.errors import SettingsError
from insvigil.frames import Anomalies
from insvigil.settings import TraitsSettings
from insvigil.traits import matricule, places
from insvigil.traits.detectors import birth, contacts
from insvigil.traits.detectors.catalogue import DETECTORS
from insvigil.traits.detectors.detector import Detector, Material, OnFile, OnIdentity, OnValue
from insvigil.traits.detectors.names import NAME_FIELDS
from insvigil.traits.detectors.ordinary import ordinary
from insvigil.traits.names import comparison_key
from insvigil.traits.referential import dated_table
from insvigil.vocabulary import BirthDateKind, Severity

NEWBORN_DAYS = 40
"""Days after a birth in which a detector may still change its mind (a waiting name is given a month)."""

_NEARLY_DISTINCT = ("phone", "email", "billing_nir")
"""Fields whose values nearly all differ: telling them apart would cost more than asking each."""

_LISTED = "« insvigil rules » donne les codes."

Finding = tuple[Detector, pl.DataFrame]


def detect(
    identities: pl.DataFrame,
    traits: pl.DataFrame,
    *,
    changes: pl.DataFrame | None = None,
    pairs: pl.DataFrame | None = None,
    groups: pl.DataFrame | None = None,
    stays: pl.DataFrame | None = None,
    absorbed: pl.DataFrame | None = None,
    settings: TraitsSettings | None = None,
    today: date | None = None,
    only: Collection[str] = (),
    given: Collection[str] | None = None,
) -> dy.DataFrame[Anomalies]:
    """Return what the detectors find: one row a finding, sorted by identity then code.

    ``traits`` is ``normalise(identities)``. ``absorbed``: the identities merged into another in this run, with their
    fields as last received, ``domain`` and ``ipp``. Without a frame, the detectors that need it find nothing.
    ``today`` (default: this day) is what « dans le futur » is measured from. ``only`` names the frames
    (``identities``, ``changes``, ``stays``, ``pairs``, ``groups``, ``absorbed``) whose detectors are asked, when they
    come at different times of the night; empty: all. Raises ``SettingsError`` for a code or a severity that the
    settings invent.
    """
    settings = settings or TraitsSettings()
    _refuse_unknown(settings)
    material = Material(
        identities, traits, today or date.today(), changes, pairs, groups, stays, absorbed, dated_table(settings),
        given,
    )  # fmt: skip
    asked = [
        detector
        for detector in DETECTORS
        if not detector.rule.code.startswith(tuple(settings.ignore)) and (not only or detector.needs in only)
    ]
    return Anomalies.validate(_anomalies(material, _findings(material, asked), settings.severity))


def _findings(material: Material, asked: list[Detector]) -> list[Finding]:
    """Return what each detector finds, asked on two threads; what several look at is made first."""
    of_values: dict[str, list[OnValue]] = {}
    of_persons: dict[str, list[OnIdentity]] = {}
    of_file: list[OnFile] = []
    for detector in asked:
        if isinstance(detector, OnValue):
            of_values.setdefault(detector.field, []).append(detector)
        elif isinstance(detector, OnIdentity):
            of_persons.setdefault(detector.view, []).append(detector)
        else:
            of_file.append(detector)
    needed = {detector.needs for detector in asked}
    views = [
        *(("persons", "bearers") if "identities" in needed else ()),
        *(("alike", "sharers") if "base" in needed else ()),
        *(("proposed",) if "pairs" in needed else ()),
        *(("members",) if "groups" in needed else ()),
    ]
    if "identities" in needed:
        _ = material.persons  # the bearers are some of them
    with ThreadPoolExecutor(2) as threads:
        seen = dict(zip(views, threads.map(lambda view: getattr(material, view), views), strict=True))
    work: list[Callable[[], list[Finding]]] = [
        *(partial(_of_values, material, field, detectors) for field, detectors in of_values.items()),
        *(partial(_of_persons, seen[view], detectors) for view, detectors in of_persons.items()),
        *(partial(_of_file, material, detector) for detector in of_file),
    ]
    with ThreadPoolExecutor(2) as threads:
        return [finding for findings in threads.map(lambda task: task(), work) for finding in findings]


def _of_values(material: Material, field: str, detectors: list[OnValue]) -> list[Finding]:
    column = material.field(field)
    distinct = None if field in _NEARLY_DISTINCT else Distinct(column)
    values = column if distinct is None else distinct.values
    doubtful = _doubtful(field, values)
    if not len(doubtful):
        return []
    hits = _hits(_seen(field, values.gather(doubtful)), [detector.test for detector in detectors])
    wrong = pl.repeat(False, values.len(), eager=True)
    wrong = wrong.scatter(doubtful.filter(pl.DataFrame(hits).select(pl.any_horizontal(pl.all())).to_series()), True)
    rows = (wrong if distinct is None else distinct.spread(wrong)).arg_true()
    return [
        (detector, _those(material, detector, _rows_of(rows, distinct, doubtful.filter(hit), values.len())))
        for detector, hit in zip(detectors, hits, strict=True)
        if hit.any()
    ]


def _rows_of(rows: pl.Series, distinct: Distinct | None, wrong: pl.Series, size: int) -> pl.Series:
    """Return those of ``rows`` that have a wrong value."""
    flags = pl.repeat(False, size, eager=True).scatter(wrong, True)
    return rows.filter(flags.gather(rows if distinct is None else distinct.codes.gather(rows)))


def _those(material: Material, detector: OnValue, rows: pl.Series) -> pl.DataFrame:
    if detector.among is None:
        return material.traits.select("identity_id")[rows]
    return material.persons[rows].filter(detector.among).select("identity_id")


def _doubtful(field: str, values: pl.Series) -> pl.Series:
    """Return the positions of the values that a detector of the field may have something to say about."""
    return (values.is_not_null() & ~ordinary(values) if field in NAME_FIELDS else values.is_not_null()).arg_true()


def _seen(field: str, values: pl.Series) -> pl.DataFrame:
    """Return what the detectors of a field look at: ``value`` and what it means."""
    if field == "death_date":
        return birth.question(values)
    if field == "birth_place":
        return pl.DataFrame({"value": values, "place": places.place_codes(values)})
    if field == "billing_nir":
        whole = matricule.cleaned(values)
        return matricule.meaning(whole).with_columns(value=values, valid=matricule.validity(whole))
    if field == "phone":
        return contacts.question(values)
    if field in ("email", "postal_code"):
        return pl.DataFrame({"value": values})
    return pl.DataFrame({"value": values, "key": comparison_key(values)})


def _of_persons(persons: pl.DataFrame, detectors: list[OnIdentity]) -> list[Finding]:
    hits = _hits(persons, [detector.test for detector in detectors])
    numbers = persons.select("identity_id")
    return [(detector, numbers.filter(hit)) for detector, hit in zip(detectors, hits, strict=True) if hit.any()]


def _hits(seen: pl.DataFrame, tests: list[pl.Expr]) -> list[pl.Series]:
    return seen.select(test.fill_null(False).alias(str(number)) for number, test in enumerate(tests)).get_columns()


def _of_file(material: Material, detector: OnFile) -> list[Finding]:
    return [(detector, detector.find(material))] if getattr(material, detector.needs) is not None else []


def _refuse_unknown(settings: TraitsSettings) -> None:
    """Raise ``SettingsError`` for a code that no detector has, or a severity that is none: a slip would go unseen."""
    codes = [detector.rule.code for detector in DETECTORS]
    known = {severity.value for severity in Severity}
    for code in settings.ignore:
        if not any(other.startswith(code) for other in codes):
            raise SettingsError(f"Aucun détecteur ne commence par « {code} » (traits.ignore).", hint=_LISTED)
    for code, severity in settings.severity.items():
        if code not in codes:
            raise SettingsError(f"Aucun détecteur n'a le code « {code} » (traits.severity).", hint=_LISTED)
        if severity not in known:
            raise SettingsError(
                f"Gravité inconnue pour traits.severity.{code}.", hint=f"Gravités : {', '.join(sorted(known))}."
            )


def _anomalies(material: Material, findings: list[Finding], severities: dict[str, str]) -> pl.DataFrame:
    """Return the findings as ``Anomalies``; codes, severities and names are gathered once all are sorted."""
    columns = {name: column.dtype for name, column in Anomalies.columns().items()}
    told = ("identity_id", "other_id", "domain", "ipp", "subject")
    found_by_code = sorted(findings, key=lambda finding: finding[0].rule.code)
    frames = [pl.DataFrame(schema={"rank": pl.UInt16} | {name: columns[name] for name in told})]
    for rank, (_, found) in enumerate(found_by_code):
        known = [pl.col(name).cast(columns[name]) for name in told if name in found.columns]
        frames.append(found.select(pl.lit(rank, pl.UInt16).alias("rank"), *known))
    named = _named(material, pl.concat(frames, how="diagonal"))
    ordered = named.sort("identity_id", "rank", "other_id", "subject", nulls_last=True, maintain_order=True)
    rules = [detector.rule for detector, _ in found_by_code]
    codes = pl.Series([rule.code for rule in rules], dtype=pl.String)
    levels = pl.Series([severities.get(rule.code, rule.severity.value) for rule in rules], dtype=columns["severity"])
    return ordered.with_columns(
        codes.gather(ordered["rank"]).alias("code"), levels.gather(ordered["rank"]).alias("severity")
    ).select(*columns)


def _named(material: Material, anomalies: pl.DataFrame) -> pl.DataFrame:
    """Return the anomalies with both names of their identity: its number in this run, and its domain and IPP."""
    if material.names.is_empty():
        return anomalies
    numbers = material.traits["identity_id"]
    numbered = anomalies.filter(pl.col("identity_id").is_not_null())
    others = anomalies.filter(pl.col("identity_id").is_null()).drop("identity_id")
    rows = pl.DataFrame({"identity_id": numbers, "row": pl.int_range(numbers.len(), dtype=pl.UInt32, eager=True)})
    concerned = rows.join(numbered.select("identity_id").unique(), on="identity_id", how="semi")
    names = concerned.select("identity_id").hstack(material.names[concerned["row"]])
    who = names.clear()
    if others.height:  # few: a join would hash the whole file
        near = material.names["ipp"].is_in(others["ipp"].unique().implode())
        who = rows.select("identity_id").filter(near).hstack(material.names.filter(near))
    return pl.concat(
        [
            numbered.drop("domain", "ipp").join(names, on="identity_id", how="left").select(anomalies.columns),
            others.join(who, on=["domain", "ipp"], how="left").select(anomalies.columns),
        ]
    )


def timely() -> frozenset[str]:
    """Return the codes of the detectors whose answer may change as days pass, the identity being the same."""
    codes = set()
    for detector in DETECTORS:
        if not isinstance(detector, OnFile):
            asked = [detector.test, getattr(detector, "among", None)]
            if any("today" in test.meta.root_names() for test in asked if test is not None):
                codes.add(detector.rule.code)
    return frozenset(codes)


def overtaken(traits: pl.DataFrame, *, last: date, today: date) -> pl.Series:
    """Return whether days alone may have changed what detectors say of each row since ``last``.

    The newborn of the last month, and those who reach an age without example; what timely detectors already found is
    to be asked again besides.
    """
    dated = pl.col("birth_date_kind").is_in([BirthDateKind.EXACT.value, BirthDateKind.PLACEHOLDER.value])
    recent = pl.col("birth_year") >= (last - timedelta(days=NEWBORN_DAYS)).year
    born = pl.date(pl.when(recent & dated).then("birth_year"), "birth_month", "birth_day")
    newborn = born >= last - timedelta(days=NEWBORN_DAYS)
    old = pl.col("birth_year") < today.year - birth.OLDEST
    return traits.select((newborn | old).fill_null(False)).to_series()
