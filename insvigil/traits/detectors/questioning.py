"""The second half of the stage: identities and their traits questioned by all the detectors switched on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import dataframely as dy
import polars as pl

from insvigil.errors import SettingsError
from insvigil.frames import Anomalies
from insvigil.settings import TraitsSettings
from insvigil.traits import places
from insvigil.traits.detectors import birth
from insvigil.traits.detectors.catalogue import DETECTORS
from insvigil.traits.detectors.detector import Detector, Material, OnFile, OnIdentity, OnValue
from insvigil.traits.distinct import Distinct
from insvigil.traits.names import comparison_key
from insvigil.traits.normalisation import sexes
from insvigil.vocabulary import Severity

Finding = tuple[Detector, pl.DataFrame]


def detect(
    identities: pl.DataFrame,
    traits: pl.DataFrame,
    *,
    changes: pl.DataFrame | None = None,
    pairs: pl.DataFrame | None = None,
    groups: pl.DataFrame | None = None,
    stays: pl.DataFrame | None = None,
    settings: TraitsSettings | None = None,
    today: date | None = None,
) -> dy.DataFrame[Anomalies]:
    """Return what the detectors find: one row a finding, sorted by identity then code.

    ``traits`` is ``normalise(identities)``. Without ``changes``, ``pairs``, ``groups`` or ``stays`` the detectors that
    need them find nothing. ``today`` (default: this day) is what « dans le futur » is measured from. An unknown
    severity in the settings is a ``SettingsError``.
    """
    settings = settings or TraitsSettings()
    material = Material(identities, traits, today or date.today(), changes, pairs, groups, stays)
    asked = [detector for detector in DETECTORS if not detector.rule.code.startswith(tuple(settings.ignore) or "\0")]
    findings = [*_of_values(material, asked), *_of_identities(material, asked), *_of_file(material, asked)]
    return Anomalies.validate(_anomalies(material, findings, _severities(settings)))


def _of_values(material: Material, asked: list[Detector]) -> Iterable[Finding]:
    by_field: dict[str, list[OnValue]] = {}
    for detector in asked:
        if isinstance(detector, OnValue):
            by_field.setdefault(detector.field, []).append(detector)
    for field, detectors in by_field.items():
        distinct = Distinct(material.field(field))
        if distinct.values.is_empty():
            continue
        found = _seen(field, distinct.values).select(
            detector.test.fill_null(False).alias(str(number)) for number, detector in enumerate(detectors)
        )
        for detector, hits in zip(detectors, found.iter_columns(), strict=True):
            if hits.any():
                yield detector, material.traits.select("identity_id").filter(distinct.spread(hits).fill_null(False))


def _seen(field: str, values: pl.Series) -> pl.DataFrame:
    """Return what the detectors of a field look at: ``value`` and what it means."""
    if field in ("birth_date", "death_date"):
        return birth.question(values)
    if field == "birth_place":
        return pl.DataFrame({"value": values, "place": places.place_codes(values)})
    if field == "sex":
        return pl.DataFrame({"value": values, "sex": sexes(values)})
    return pl.DataFrame({"value": values, "key": comparison_key(values)})


def _of_identities(material: Material, asked: list[Detector]) -> Iterable[Finding]:
    detectors = [detector for detector in asked if isinstance(detector, OnIdentity)]
    found = material.persons.select(
        detector.test.fill_null(False).alias(str(number)) for number, detector in enumerate(detectors)
    )
    for detector, hits in zip(detectors, found.iter_columns(), strict=True):
        if hits.any():
            yield detector, material.traits.select("identity_id").filter(hits)


def _of_file(material: Material, asked: list[Detector]) -> Iterable[Finding]:
    for detector in asked:
        if isinstance(detector, OnFile) and getattr(material, detector.needs) is not None:
            found = detector.find(material)
            if found.height:
                yield detector, found


def _severities(settings: TraitsSettings) -> dict[str, str]:
    known = {severity.value for severity in Severity}
    for code, severity in settings.severity.items():
        if severity not in known:
            raise SettingsError(
                f"Gravité inconnue pour traits.severity.{code}.", hint=f"Gravités : {', '.join(sorted(known))}."
            )
    return settings.severity


def _anomalies(material: Material, findings: list[Finding], severities: dict[str, str]) -> pl.DataFrame:
    columns = {name: column.dtype for name, column in Anomalies.columns().items()}
    frames = [
        found.select(
            pl.lit(detector.rule.code).alias("code"),
            pl.lit(severities.get(detector.rule.code, detector.rule.severity.value)).alias("severity"),
            *(
                pl.col(name).cast(dtype) if name in found.columns else pl.lit(None, dtype).alias(name)
                for name, dtype in columns.items()
                if name not in ("code", "severity")
            ),
        )
        for detector, found in findings
    ]
    empty = pl.DataFrame(schema={**columns, "severity": pl.String})
    return (
        _named(material, pl.concat([empty, *frames]))
        .with_columns(pl.col("severity").cast(columns["severity"]))
        .select(*columns)
        .sort("identity_id", "code", "other_id", "subject", nulls_last=True, maintain_order=True)
    )


def _named(material: Material, anomalies: pl.DataFrame) -> pl.DataFrame:
    """Return the anomalies with both names of their identity: its number in this run, and its domain and IPP."""
    if not {"domain", "ipp"} <= set(material.identities.columns):
        return anomalies
    names = material.identities.select("domain", "ipp").with_columns(material.traits["identity_id"])
    numbered = anomalies.filter(pl.col("identity_id").is_not_null()).drop("domain", "ipp")
    others = anomalies.filter(pl.col("identity_id").is_null()).drop("identity_id")
    return pl.concat(
        [
            numbered.join(names, on="identity_id", how="left").select(anomalies.columns),
            others.join(names, on=["domain", "ipp"], how="left").select(anomalies.columns),
        ]
    )
