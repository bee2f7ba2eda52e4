from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from insvigil.reporting import NightReport, figures, first_pairs, write_run
from insvigil.reporting.report_page import SHOWN_CASES, chips, context, render_report
from insvigil.settings import Settings
from insvigil.vocabulary import Mesh
from tests.reporting.nights import indicators, invent_night, objectives

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)


@pytest.fixture(scope="module")
def night() -> NightReport:
    return invent_night()


@pytest.fixture(scope="module")
def page(night: NightReport) -> str:
    return render_report(night)


class _Page(HTMLParser):
    """Tags in order, ids, links, and the text outside styles."""

    void = frozenset({"meta", "link", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def words(page: str) -> str:
    return re.sub(r"\s+", " ", "".join(_Page(page).texts)).replace("\u202f", " ")


def test_page__is_well_formed_and_speaks_french(page: str) -> None:
    parsed = _Page(page)
    assert parsed.open == []
    assert parsed.all("html")[0]["lang"] == "fr"
    ids = [attributes["id"] for _, attributes in parsed.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    anchors = [a["href"] for a in parsed.all("a") if (a["href"] or "").startswith("#")]
    assert {anchor[1:] for anchor in anchors if anchor} <= set(ids)


def test_page__calls_no_network_and_runs_no_script(page: str) -> None:
    assert "<script" not in page
    assert not re.findall(r"""(?:src|href|url\()\s*=?\s*["']?(?:https?:)?//""", page)
    assert "default-src 'none'" in page


def test_page__every_table_has_its_caption_and_headings_and_every_chart_its_words(page: str) -> None:
    parsed = _Page(page)
    assert len(parsed.all("table")) == len(parsed.all("caption")) > 8
    assert all("scope" in heading for heading in parsed.all("th"))
    charts = [svg for svg in parsed.all("svg") if svg.get("role") == "img"]
    assert len(charts) > 10
    assert all(svg["aria-label"] for svg in charts)


def test_page__tells_the_night_in_plain_words(page: str, night: NightReport) -> None:
    text = words(page)
    assert "Hôpital <inventé>" in text
    assert "&lt;inventé&gt;" in page
    assert "Nuit du vendredi 20 novembre 2026" in text
    assert "71,4 % de la file active est qualifiée, à 13,6 points de l'objectif" in text
    assert "HOP'EN 2, phase 1" in text
    assert "D'où viennent les statuts : messages PAM, 400 identités." in text
    assert "Tous sont des conventions d'insvigil" in text
    blank = dict.fromkeys(("code", "numerator", "denominator", "note"), "")
    read = blank | {"label": "IN-INSI", "source": "3RIV, fiche IND 03", "confidence": "V"}
    own = blank | {"label": "Q_BASE", "source": "insvigil", "confidence": "C"}
    told = words(render_report(replace(night, definitions=[read, own])))
    assert "D'où viennent les définitions : IN-INSI (3RIV, fiche IND 03). Les autres sont des conventions" in told
    assert "1 000 lus = 950 gardés + 49 repliés + 1 rejetés" in text
    assert night.agregats is not None
    fresh = (night.agregats["outcome"] == "new").sum()
    assert f"{night.agregats.height} agrégats à examiner, dont {fresh} nouveaux" in text
    assert f"dont {fresh} nouveaux cette nuit, 4 résolus" in text


def test_page__names_ipps_but_copies_no_trait(page: str, night: NightReport) -> None:
    shown = doublon_ids(night)
    people = night.identities.filter(pl.col("identity_id").is_in(shown))
    text = words(page)
    assert sum(ipp in text for ipp in people["ipp"]) >= SHOWN_CASES
    for column in ("matricule", "billing_nir", "birth_date", "phone", "email", "address"):
        assert not [value for value in night.identities[column].drop_nulls() if value in text], column
    tokens = set(re.findall(r"[A-Za-zÀ-ÿ'-]+", text))
    rare = (
        night.identities["birth_name"]
        .drop_nulls()
        .filter(night.identities["birth_name"].drop_nulls().str.len_chars() > 5)
    )
    assert not tokens & set(rare)


def doublon_ids(night: NightReport) -> pl.Series:
    return night.groups["identity_id"].implode()


def test_page__without_a_target_it_says_so(night: NightReport) -> None:
    bare = replace(night, indicators=indicators(0.714, None), objectives=objectives(0.714, None))
    text = words(render_report(bare))
    assert "non évaluable Aucun engagement dans les réglages." in text
    assert "non évaluable" in text
    assert "Aucun engagement n'est inscrit dans les réglages" in text
    assert "points de l'objectif" not in text


def test_page__an_objective_reached_says_so(night: NightReport) -> None:
    reached = replace(night, indicators=indicators(0.9, 85.0), objectives=objectives(0.9, 85.0))
    text = words(render_report(reached))
    assert "est qualifiée : objectif atteint" in text
    assert "Distance" not in text


def test_page__says_the_way_to_an_objective_and_what_is_to_be_confirmed(night: NightReport) -> None:
    way = {"weekly_pace": 4.25, "outlook": "Au rythme présent : le 03/07/2027.", "weekly_need": 9.2}
    late = {"deadline": date(2027, 3, 1)}
    text = words(render_report(replace(night, objectives=objectives(0.714, 85.0, **way, **late))))
    assert "non atteint à confirmer" in text
    assert "Taux 71,4 % (714 sur 1 000)" in text
    assert "Distance 13,6 points, soit 136 identités" in text
    assert "Rythme présent +4,2 identités par semaine" in text
    assert "Perspective Au rythme présent : le 03/07/2027." in text
    assert "Échéance 01/03/2027 À qualifier 10 identités par semaine pour être à l'heure" in text
    past = words(render_report(replace(night, objectives=objectives(0.714, 85.0, deadline=date(2026, 7, 31)))))
    assert "Échéance 31/07/2026 (passée)" in past


def test_page__an_empty_night_still_reads(night: NightReport) -> None:
    page = render_report(NightReport(started=night.started, version="1", settings=night.settings))
    text = words(page)
    assert "Aucun doublon potentiel à examiner" in text
    assert "Aucune anomalie trouvée" in text
    assert _Page(page).open == []


def test_context__explains_the_first_pairs_and_the_steps_add_up(night: NightReport) -> None:
    cases = context(night)["cases"]
    assert len(cases) == SHOWN_CASES
    assert first_pairs(night).height <= SHOWN_CASES + 3
    explained = [case for case in cases if case["steps"]]
    assert explained
    for case in explained:
        assert case["total"] == pytest.approx(5.3)
        assert [step["start"] for step in case["steps"]] == pytest.approx([0.0, -12.0, 8.5])
        assert (case["low"], case["span"]) == (-12.0, 20.5)


def test_context__a_step_that_rounds_to_nothing_is_not_shown_but_counts(night: NightReport) -> None:
    left, right = first_pairs(night).row(0)
    reasons = pl.DataFrame(
        {"left": [left] * 3, "right": [right] * 3, "sentence": ["a", "b", "c"], "bits": [-2.0, 0.04, 5.0]}
    ).cast({"left": pl.UInt32, "right": pl.UInt32})
    case = context(replace(night, reasons=reasons))["cases"][0]
    assert [step["sentence"] for step in case["steps"]] == ["a", "c"]
    assert case["total"] == pytest.approx(3.04)


def test_chips__say_what_agrees_what_is_near_and_what_differs(night: NightReport) -> None:
    row = dict.fromkeys((f"agree_{trait}" for trait in night.levels), 0)
    told = chips(row | {"agree_sex": 1, "agree_birth_name": 2, "agree_phone": 3}, night)
    assert told == [("near", "birth_name proche"), ("diff", "sex différent"), ("same", "même phone")]
    unnamed = chips(row | {"agree_birth_date": 1}, replace(night, levels={}))
    assert unnamed == [("diff", "date de naissance : différent")]


def test_figures__count_what_the_frames_hold(night: NightReport) -> None:
    shares = figures.status_shares(night)
    assert sum(share.count for share in shares) == night.identities.height
    assert sum(share.share for share in shares) == pytest.approx(1)
    histogram = figures.histogram(night)
    assert histogram is not None
    counted = sum(column.proposed + column.others for column in histogram.bins)
    assert counted == night.pairs.height
    assert sum(column.proposed for column in histogram.bins) == (night.pairs["finding"] == "DPOT").sum()
    assert (histogram.proposed_from, round(histogram.kept_from, 2)) == (0.0, -4.25)
    filled = {share.label: share.count for share in figures.completeness(night)}
    assert filled["Matricule INS"] == night.identities["matricule"].count()
    assert filled["Sexe"] == night.identities.height


def test_figures__sites_keep_their_denominators_and_the_trend_its_days(night: NightReport) -> None:
    sites = figures.rates_by(night, Mesh.SITE)
    assert [(rate.name, rate.denominator) for rate in sites] == [("990000101", 800), ("990000102", 200)]
    assert figures.trend(night) == [
        (date(2026, 11, 18), 0.70),
        (date(2026, 11, 19), 0.71),
        (date(2026, 11, 20), pytest.approx(0.714)),
    ]


def test_figures__detectors_are_the_gravest_first_with_doubtful_rules_marked(night: NightReport) -> None:
    found = [(rule.code, rule.count, rule.to_confirm) for rule in figures.detectors(night)]
    assert found == [("IDV-INS-001", 1, True), ("IDV-NOM-003", 2, False)]
    read = [(rule.code, rule.severity, rule.where) for rule in figures.reading_findings(night)]
    assert read == [
        ("IDV-LEC-001", "rejected", "gam-0001.hl7, ligne 2"),
        ("IDV-LEC-009", "warning", "gam-0001.hl7, ligne 9"),
    ]


NAME = "CH_DE_NULLE_PART_" * 4  # no place to break a line, as an export may write it
PROBE = """<!doctype html><iframe id="f" width="WIDTH" height="900"></iframe><pre id="out"></pre><script>
const frame = document.getElementById("f");
frame.onload = () => {
  const page = frame.contentDocument;
  const wide = [...page.querySelectorAll("main *")].filter((e) => !e.closest(".scroll, .unseen, thead") &&
    e.getBoundingClientRect().right > WIDTH + 1).map((e) => e.outerHTML.slice(0, 90));
  document.getElementById("out").textContent = JSON.stringify({
    scroll: page.documentElement.scrollWidth, height: page.documentElement.scrollHeight,
    charts: page.querySelectorAll("svg").length, title: page.title, wide });
};
frame.srcdoc = PAGE;
</script>"""
"""Measures the page in a frame: headless Chromium makes no window narrower than 500 pixels."""


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium n'est pas installé")
@pytest.mark.parametrize("width", [1280, 390])
def test_page__opens_in_a_browser_without_sideways_scroll(night: NightReport, tmp_path: Path, width: int) -> None:
    long = Settings.model_validate({"reporting": {"establishment": NAME}})
    folder = write_run(tmp_path / "nuit", replace(night, settings=long))
    html = json.dumps((folder / "index.html").read_text(encoding="utf-8")).replace("</", "<\\/")
    probe = tmp_path / "mesure.html"
    probe.write_text(PROBE.replace("WIDTH", str(width)).replace("PAGE", html), encoding="utf-8")
    done = subprocess.run(
        [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profil'}",
            "--window-size=1400,1000", "--virtual-time-budget=3000", "--dump-dom", probe.as_uri(),
        ],
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    found = re.search(r'<pre id="out">(.*?)</pre>', done.stdout, re.S)
    assert found, done.stderr[-500:]
    seen = json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&"))
    assert seen["title"] == f"Nuit du 20/11/2026 — {NAME}"
    assert seen["wide"] == []
    assert seen["scroll"] <= width
    assert seen["charts"] > 20
    assert seen["height"] > 2000
