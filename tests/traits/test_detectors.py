"""Detectors: each one fires on its case and not on the near one; the catalogue is sound."""

from __future__ import annotations

import re
from collections import Counter

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from insvigil.errors import SettingsError
from insvigil.frames import Anomalies
from insvigil.settings import TraitsSettings
from insvigil.traits import detect, normalise
from insvigil.traits.detectors import DETECTORS, RULES, contacts, questioning
from insvigil.traits.detectors.detector import OnValue
from insvigil.traits.detectors.names import NAME_FIELDS
from insvigil.traits.detectors.ordinary import ordinary
from insvigil.vocabulary import Rule, Scope
from tests.traits import cases
from tests.traits.cases import CASES, INS, SOUND, TODAY, Case, person, persons


def found(case: Case, monkeypatch: pytest.MonkeyPatch) -> pl.DataFrame:
    if case.referential is not None:
        columns = ["standing", "code", "since", "until"]
        table = pl.DataFrame(case.referential, schema=columns, orient="row")
        monkeypatch.setattr(questioning, "dated_table", lambda settings: table)
    people = cases.identities(case.people)
    return detect(
        people,
        normalise(people),
        changes=None if case.changes is None else cases.changes(case.changes),
        pairs=None if case.pairs is None else cases.pairs(case.pairs),
        groups=None if case.groups is None else cases.groups(case.groups),
        stays=None if case.stays is None else cases.stays(case.stays),
        absorbed=None if case.absorbed is None else cases.identities(case.absorbed),
        today=TODAY,
    )


@pytest.mark.parametrize("code", [rule.code for rule in RULES])
def test_detect__each_code_fires_on_its_case_and_not_on_the_near_one(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fires, near = CASES[code]
    hits = found(fires, monkeypatch)
    assert code in hits["code"].to_list()
    assert code not in found(near, monkeypatch)["code"].to_list()
    named = pl.col("identity_id").is_not_null() | pl.col("ipp").is_not_null()
    assert hits.filter(pl.col("code") == code).select(named.all()).item()


def test_cases__are_exactly_the_codes() -> None:
    assert set(CASES) == {rule.code for rule in RULES}


def test_detect__a_sound_person_has_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(person(), monkeypatch).is_empty()
    assert found(person(**INS), monkeypatch).is_empty()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_rules__are_written_whole(rule: Rule) -> None:
    assert re.fullmatch(r"IDV-[A-Z]{3}-\d{3}", rule.code)
    for text in (rule.sentence, rule.reason, rule.advice):
        assert not text[0].islower()
        assert text.endswith(".")
    assert rule.source
    assert (rule.source == "convention d'insvigil") == (rule.confidence == "C")


def test_rules__are_eighty_at_least_with_one_code_each() -> None:
    assert len(RULES) >= 80
    assert max(Counter(rule.code for rule in RULES).values()) == 1
    assert {Scope.IDENTITY, Scope.CHANGE, Scope.PAIR, Scope.GROUP, Scope.STAY} <= {rule.scope for rule in RULES}


def test_detect__names_rows_never_values() -> None:
    people = cases.identities(({**SOUND, "birth_name": "ZZMARKZZ4"}, {**SOUND, "birth_date": "19751345"}))
    anomalies = detect(people, normalise(people), today=TODAY)
    assert Anomalies.is_valid(anomalies)
    assert "ZZMARKZZ" not in str(anomalies.rows())
    assert anomalies.select("identity_id", "domain", "ipp").unique().sort("identity_id").rows() == [
        (0, "D", "0"),
        (1, "D", "1"),
    ]


def test_detect__works_without_domain_and_ipp() -> None:
    people = pl.DataFrame({"birth_name": ["4"]})
    anomalies = detect(people, normalise(people), today=TODAY)
    assert anomalies["code"].to_list() == ["IDV-NOM-005"]
    assert anomalies["ipp"].to_list() == [None]


def test_detect__a_site_switches_off_and_changes_severity() -> None:
    people = cases.identities(({**SOUND, "birth_name": "MARCH4ND", "birth_date": "1975"},))
    own = TraitsSettings(ignore=["IDV-DDN"], severity={"IDV-NOM-005": "information"})
    anomalies = detect(people, normalise(people), settings=own, today=TODAY)
    assert anomalies.select("code", "severity").rows() == [("IDV-NOM-005", "information")]


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (TraitsSettings(severity={"IDV-NOM-005": "grave"}), r"traits\.severity\.IDV-NOM-005"),
        (TraitsSettings(severity={"IDV-NOM-999": "information"}), "« IDV-NOM-999 »"),
        (TraitsSettings(ignore=["IDV-DDN", "IDV-DNN"]), "« IDV-DNN »"),
    ],
)
def test_detect__a_code_or_a_severity_that_does_not_exist_is_refused(own: TraitsSettings, told: str) -> None:
    people = cases.identities((SOUND,))
    with pytest.raises(SettingsError, match=told):
        detect(people, normalise(people), settings=own)


def test_detect__asks_only_the_frames_named() -> None:
    case = CASES["IDV-AGR-001"][0]
    people = cases.identities(case.people)
    traits = normalise(people)
    assert case.groups is not None
    anomalies = detect(people, traits, groups=cases.groups(case.groups), today=TODAY, only=("groups", "pairs"))
    assert anomalies["code"].unique().to_list() == ["IDV-AGR-001"]


def test_detect__counts_do_not_depend_on_the_order_of_rows() -> None:
    people = cases.identities(persons(*({"birth_name": name} for name in ("A4", "MARCHAND", "X", "A4"))).people)
    counts = [
        detect(rows, normalise(rows), today=TODAY)["code"].value_counts().sort("code").rows()
        for rows in (people, people.reverse())
    ]
    assert counts[0] == counts[1]


def test_detectors__of_a_value_are_of_one_identity() -> None:
    for detector in DETECTORS:
        if detector.needs == "identities":
            assert detector.rule.scope in (Scope.IDENTITY, Scope.PAIR)


def test_detect__a_missing_value_is_no_finding_whatever_the_path() -> None:
    phones = [f"06{number:08d}" if number % 2 else None for number in range(24_000)]
    people = pl.DataFrame({"phone": phones, "email": [None] * 24_000}, schema_overrides={"email": pl.String})
    assert detect(people, normalise(people), today=TODAY).filter(pl.col("code").str.starts_with("IDV-ADR")).is_empty()


# What INSi accepts (SEL-MP-043 §2 and §3.4.1, second hand): an oracle for the detectors of writing
FAMILY_PROFILE = re.compile(r"(?![ -])(?!.*(?:  |''| '|' |---))[A-Z '\-]{1,100}")
GIVEN_PROFILE = re.compile(r"(?![ -])(?!.*(?:  |''| '|' |--))[A-Z '\-]{0,99}[A-Z]")
WRITING = ("005", "006", "014", "015")

writings = st.text(alphabet="AB '-4_", min_size=1, max_size=8)


@settings(max_examples=40)
@given(writings)
@example("A" * 101)
@example("A--B")
def test_detect__a_family_name_is_well_written_when_insi_takes_it(name: str) -> None:
    taken = FAMILY_PROFILE.fullmatch(name) is not None and not name.endswith(" ")  # a blank at the end is ours to tell
    assert _ill_written("NOM", "birth_name", name) != taken


@settings(max_examples=40)
@given(writings)
@example("A" * 101)
@example("A--B")
@example("A-")
def test_detect__a_given_name_is_well_written_when_insi_takes_it(name: str) -> None:
    assert _ill_written("PRE", "first_given_name", name) != (GIVEN_PROFILE.fullmatch(name) is not None)


def _ill_written(family: str, field: str, name: str) -> bool:
    people = pl.DataFrame({field: [name]})
    codes = detect(people, normalise(people), today=TODAY)["code"]
    return codes.is_in([f"IDV-{family}-{number}" for number in WRITING]).any()


words = ("NE", "NEE", "EPOUSE", "TEST", "TESTS", "BEBE", "NOUVEAU", "INCONNU", "MME", "SANS", "NOM", "SP", "BB")
somewhat_odd = st.lists(
    st.sampled_from((*words, "A", "JEAN", "X", "xx", "ne", "née", "Mr", "O", "Ó", "BCD", "aaa", "9"))
)
separators = st.sampled_from([" ", "-", "'", "  ", " -", ", ", "’", ""])
writings_of_names = st.builds(lambda words, between: between.join(words), somewhat_odd, separators)


@settings(max_examples=200)
@given(st.lists(writings_of_names | st.text(alphabet="aAbBeEyYxX zZ-'é.,", max_size=9), max_size=20))
@example([f"{word} {word}" for word in words])
def test_ordinary__no_detector_has_anything_to_say_of_an_ordinary_name(names: list[str]) -> None:
    column = pl.Series("x", names, dtype=pl.String)
    plain = column.filter(ordinary(column))
    for field in NAME_FIELDS:
        tests = [one.test for one in DETECTORS if isinstance(one, OnValue) and one.field == field]
        seen = questioning._seen(field, plain)
        assert not any(hit.any() for hit in questioning._hits(seen, tests)), field


def test_ordinary__most_names_are() -> None:
    usual = ["DUPONT", "Martin", "LE GOFF", "JEAN-LUC", "DE L'ISLE", "ANNE MARIE ZOE"]
    assert ordinary(pl.Series(usual)).all()
    assert not ordinary(pl.Series(["Zoé", "D", "MME DURAND", "BEBE", "X", "A B", "DUPONT ", "AAAB", "BCD"])).any()


@given(st.lists(st.text(alphabet="0123 +.a", max_size=14) | st.from_regex(r"\A0?(?:1{8,14}|2+)\Z"), max_size=12))
def test_question__of_phones_agrees_with_its_twin(phones: list[str]) -> None:
    seen = contacts.question(pl.Series("x", phones, dtype=pl.String))
    digits = ["".join(sign for sign in phone if sign.isdigit()) for phone in phones]
    assert seen["digits"].to_list() == [len(number) for number in digits]
    one = [bool(number) and (len(set(number)) == 1 or len(set(number.removeprefix("0"))) == 1) for number in digits]
    assert seen["one_digit"].to_list() == one
