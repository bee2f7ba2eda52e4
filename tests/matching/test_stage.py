"""The stage: what comes out of ``match`` whatever the order of the rows, and what people and rules decide."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from insvigil.bench.scoring import score_groups, score_pairs
from insvigil.errors import UsageError
from insvigil.frames import Traits
from insvigil.matching import comparing, explain, match, slices, weights
from insvigil.matching.rules import JUDGED_DOUBLON, JUDGED_OTHERS, SAME_MATRICULE, TWO_MATRICULES, TWO_RANKS
from insvigil.settings import MatchingSettings
from insvigil.traits import normalise
from insvigil.vocabulary import Decision, Finding
from tests.matching.files import MARTIN, SHARED, people, population

SETTINGS = MatchingSettings()
NAMES = {
    "ABADIE": "ANNE", "BERGER": "BRIGITTE", "CARON": "CLAIRE", "DUVAL": "DENISE",
    "EVRARD": "EMMA", "FAURE": "FANNY", "GIRAUD": "GAELLE", "HUBERT": "HELENE",
}  # fmt: skip
OTHERS = [
    {"birth_name": name, "given_names": given, "birth_date": f"195{i}-0{1 + i}-1{i}", "sex": "F",
     "birth_place": "13055", "postal_code": "13001"}
    for i, (name, given) in enumerate(NAMES.items())
]  # fmt: skip


def finding(*rows: dict[str, str | None], decided: pl.DataFrame | None = None) -> tuple[str | None, str | None]:
    """Return the finding and the rule of the pair of the two first rows, in a file with a few other people."""
    found = match(people(*rows, *OTHERS), SETTINGS, decided=decided).pairs.filter(left=0, right=1)
    return (found["finding"].item(), found["rule"].item()) if found.height else (None, None)


def test_match__pairs_are_unique_sorted_and_proposed_at_the_line() -> None:
    traits, _, truth = population(9_000, 11)
    found = match(traits, SETTINGS)
    pairs = found.pairs
    assert (pairs["left"] < pairs["right"]).all()
    assert pairs.select("left", "right").is_unique().all()
    assert pairs.select("left", "right").equals(pairs.select("left", "right").sort("left", "right"))
    ordinary = pairs.filter(pl.col("rule").is_null(), pl.col("agree_matricule") < 4)
    assert ((ordinary["finding"] == Finding.DPOT.value) == (ordinary["probability"] >= found.lines.proposed)).all()
    ids = truth["id"]
    score = score_pairs(truth, pairs.with_columns(left=ids.gather(pairs["left"]), right=ids.gather(pairs["right"])))
    groups = found.groups.select(id=ids.gather(found.groups["identity_id"]), group="group")
    assert score["precision"] > 0.98 and score["f1"] > 0.97
    assert score_groups(truth, groups)["f1"] > 0.97
    assert found.counts["proposed"] == pairs.filter(pl.col("finding") == Finding.DPOT.value).height


def test_match__the_order_of_rows_and_the_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    traits, *_ = population(7_000, 12)
    order = np.random.default_rng(0).permutation(traits.height)
    moved = Traits.validate(traits[order].with_columns(identity_id=pl.int_range(traits.height, dtype=pl.UInt32)))
    found = match(traits, MatchingSettings(threads=1))
    monkeypatch.setattr(comparing, "ROOM", 200 * 200)
    monkeypatch.setattr(slices, "PAIRS_AT_LEAST", 7)
    monkeypatch.setattr(weights, "ROWS_AT_A_TIME", 5)
    other = match(moved, MatchingSettings(threads=3))

    def pairs(frame: pl.DataFrame, names: np.ndarray) -> pl.DataFrame:
        left, right = names[frame["left"].to_numpy()], names[frame["right"].to_numpy()]
        return frame.with_columns(left=np.minimum(left, right), right=np.maximum(left, right)).sort("left", "right")

    assert pairs(found.pairs, np.arange(traits.height)).equals(pairs(other.pairs, order))

    def groups(frame: pl.DataFrame, names: np.ndarray) -> set[frozenset[int]]:
        named = frame.with_columns(identity_id=names[frame["identity_id"].to_numpy()])
        return {frozenset(members) for members in named.group_by("group").agg("identity_id")["identity_id"].to_list()}

    assert groups(found.groups, np.arange(traits.height)) == groups(other.groups, order)


def test_match__blocking_finds_what_comparing_everything_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    traits, *_ = population(4_000, 13)
    whole = match(traits, SETTINGS)
    monkeypatch.setattr(comparing, "WHOLE_FILE", 0)
    blocked = match(traits, SETTINGS)
    assert whole.counts["candidates"] == 4_000 * 3_999 // 2
    assert blocked.counts["candidates"] < 100_000
    columns = ["left", "right", "weight", "finding"]
    assert blocked.pairs.select(columns).join(whole.pairs.select(columns), on=columns, how="anti").is_empty()
    assert blocked.counts["proposed"] > 0.985 * whole.counts["proposed"]


def test_match__focus_gives_the_pairs_that_touch_it_and_no_other() -> None:
    traits, *_ = population(9_000, 14)
    focus = np.random.default_rng(1).random(traits.height) < 0.1
    night, whole = match(traits, SETTINGS, focus=focus), match(traits, SETTINGS)
    touched = pl.Series(focus[whole.pairs["left"].to_numpy()] | focus[whole.pairs["right"].to_numpy()])
    assert night.pairs.drop("finding").equals(whole.pairs.filter(touched).drop("finding"))
    carried = whole.pairs.filter(~touched).select("left", "right", "block")
    both = match(traits, SETTINGS, focus=focus, carried=carried)  # as a night does: all the pairs draw the lines
    assert both.pairs.equals(whole.pairs)
    assert both.lines == whole.lines
    assert 0 < night.counts["candidates"] < 0.3 * whole.counts["candidates"]


def test_match__same_person_with_a_slip_is_proposed_and_a_twin_is_not() -> None:
    assert finding(MARTIN, MARTIN | {"birth_name": "ZYLBERSTIEN"})[0] == Finding.DPOT.value
    assert finding(MARTIN, MARTIN | {"birth_date": "1961-17-03"})[0] == Finding.DPOT.value
    assert finding(MARTIN, MARTIN | {"birth_name": "ANTONIN", "given_names": "ZYLBERSTEIN"})[0] == Finding.DPOT.value
    assert finding(MARTIN, MARTIN | {"given_names": "BERTRAND"})[0] != Finding.DPOT.value


def test_match__decisions_of_people_prevail() -> None:
    pair = MARTIN, MARTIN | {"given_names": "ANTONIN"}
    assert finding(*pair)[0] == Finding.DPOT.value
    judged = pl.DataFrame({"left": [1], "right": [0], "decision": [Decision.NON_DOUBLON.value]})
    found = match(people(*pair, *OTHERS), SETTINGS, decided=judged)
    assert found.pairs.filter(left=0, right=1)["rule"].item() == JUDGED_OTHERS
    assert not found.pairs["finding"].is_in([Finding.DPOT.value]).any()
    assert found.groups.is_empty()
    twins = MARTIN, MARTIN | {"given_names": "ANTOINE JULIEN", "birth_date": "1961-03-18"}
    judged = judged.with_columns(decision=pl.lit(Decision.DOUBLON.value))
    assert finding(*twins, decided=judged) == (Finding.DPOT.value, JUDGED_DOUBLON)


def test_match__a_judged_pair_stays_apart_inside_a_group() -> None:
    rows = [MARTIN, MARTIN | {"given_names": "ANTONIN"}, MARTIN | {"birth_name": "ZYLBERSTEINN"}]
    judged = pl.DataFrame({"left": [0], "right": [2], "decision": [Decision.NON_DOUBLON.value]})
    groups = match(people(*rows, *OTHERS), SETTINGS, decided=judged).groups
    group = dict(zip(groups["identity_id"], groups["group"], strict=True))
    assert len(group) == 2
    assert not {0, 2} <= set(group)


def test_rules__ranks_matricules_and_deaths() -> None:
    twins = MARTIN | {"birth_rank": "1"}, MARTIN | {"birth_rank": "2"}
    assert finding(*twins)[1] == TWO_RANKS
    nir = {"matricule": "161033523800124", "matricule_oid": "1.2.250.1.213.1.4.8", "identity_code": "VALI"}
    key = 97 - int("1610335238001") % 97
    nir["matricule"] = f"1610335238001{key:02d}"
    assert finding(MARTIN | nir, MARTIN | nir | {"given_names": "ANTONIN"}) == (Finding.DPOT.value, SAME_MATRICULE)
    key = 97 - int("1610335238099") % 97
    other = nir | {"matricule": f"1610335238099{key:02d}"}
    assert finding(MARTIN | nir, MARTIN | other)[0] != Finding.DPOT.value
    why = explain(people(MARTIN | nir, MARTIN | other, *OTHERS), 0, 1, SETTINGS)
    assert why.rule is not None and why.rule.code == TWO_MATRICULES


def test_findings__one_matricule_on_two_people_is_a_potential_collision() -> None:
    nir = {"matricule": f"1610335238001{97 - int('1610335238001') % 97:02d}"}
    stranger = {"birth_name": "OUEDRAOGO", "given_names": "HILAIRE", "birth_date": "1961-03-29", "sex": "M"}
    assert finding(MARTIN | nir, stranger | nir)[0] == Finding.COLP.value


def test_match__refuses_more_comparisons_than_allowed() -> None:
    traits, *_ = population(7_000, 12)
    with pytest.raises(UsageError, match="comparaisons"):
        match(traits, MatchingSettings(max_comparisons=1_000))


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_match__tiny_and_empty_files(rows: int) -> None:
    found = match(people(*[MARTIN] * rows) if rows else people(MARTIN)[:0], SETTINGS)
    assert found.pairs.height == (1 if rows == 2 else 0)


def test_match__a_file_of_nothing_but_missing_traits() -> None:
    found = match(normalise(pl.DataFrame({"sex": [None] * 50}, schema={"sex": pl.String})), SETTINGS)
    assert found.pairs.is_empty() and found.groups.is_empty()


def test_match__febrl_and_fake_1000_without_a_setting_for_them() -> None:
    if not SHARED.exists():
        pytest.skip("reference files absent")
    febrl = pl.read_csv(SHARED / "febrl_dataset3.csv", infer_schema=False)
    febrl = febrl.rename(str.strip).with_columns(pl.all().str.strip_chars())
    truth = febrl.select(id="rec_id", person=pl.col("rec_id").str.extract(r"rec-(\d+)").cast(pl.UInt32))
    fields = febrl.select(
        birth_name="surname", given_names="given_name", birth_date="date_of_birth", matricule="soc_sec_id",
        postal_code="postcode", city="suburb",
        address=pl.concat_str("street_number", "address_1", separator=" ", ignore_nulls=True),
    )  # fmt: skip
    assert _f1(fields, truth) >= 0.996
    fake = pl.read_csv(SHARED / "fake_1000.csv", infer_schema=False)
    truth = fake.select(id="unique_id", person=pl.col("cluster").cast(pl.UInt32))
    fields = fake.select(birth_name="surname", given_names="first_name", birth_date="dob", city="city", email="email")
    assert _f1(fields, truth) >= 0.85


def _f1(fields: pl.DataFrame, truth: pl.DataFrame) -> float:
    pairs = match(normalise(fields), SETTINGS).pairs
    ids = truth["id"]
    named = pairs.with_columns(left=ids.gather(pairs["left"]), right=ids.gather(pairs["right"]))
    return float(score_pairs(truth, named)["f1"])


def test_explain__adds_up_to_the_weight_of_the_pair() -> None:
    traits, *_ = population(4_000, 13)
    found = match(traits, SETTINGS)
    for row in found.pairs.sample(12, seed=1).iter_rows(named=True):
        why = explain(traits, row["right"], row["left"], SETTINGS, lines=found.lines)
        assert why.weight == pytest.approx(row["weight"], abs=1e-9)
        assert sum(step.bits for step in why.steps) == pytest.approx(row["weight"], abs=1e-9)
        assert why.probability == pytest.approx(row["probability"])
        assert why.finding.value == row["finding"]
        assert (why.rule.code if why.rule else None) == row["rule"]


def test_explain__works_on_a_pair_that_no_key_proposes() -> None:
    why = explain(people(MARTIN, *OTHERS), 0, 1, SETTINGS)
    assert why.probability < 1e-4
    assert why.finding is Finding.NONE
    assert why.steps[0].trait == "prior"
    assert any(step.sentence == "noms différents" for step in why.steps)
