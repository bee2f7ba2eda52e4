"""Reading gives back what was written: parse ∘ write = identity on a hospital's nights."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from insvigil.bench.hospital import Hospital
from insvigil.bench.messages import er7
from insvigil.bench.movement_files import write_nights
from insvigil.bench.population import generate
from insvigil.frames import Movements
from insvigil.reading import read_movements
from insvigil.settings import ReadingSettings

FIRST = date(2026, 11, 18)
WITH_ZFD = ("A01", "A04", "A05", "A28", "A31")
ZFD = ("collection_mode", "insi_date", "document", "document_expiry")
PLACED_BY_READING = {"source", "offset", "line", "processing", "domain", "merged_domain"}


@pytest.mark.parametrize("seed", [1, 2])
def test_nights__reading_gives_back_every_field_of_every_message(seed: int, tmp_path: Path) -> None:
    population = generate(1_500, seed)
    folders = write_nights(population, tmp_path, nights=2, seed=seed, first_night=FIRST, deviations=False)
    hospital = Hospital(population, FIRST, 2, np.random.default_rng([seed, 1]))
    sent = [message for night in hospital.nights() for message in night]
    reading = read_movements(folders, ReadingSettings())
    assert reading.counts["read"] == reading.counts["kept"] == len(sent)
    written = pl.DataFrame(sent, infer_schema_length=None).with_columns(
        pl.col("movement") + "|1.2.250.1.71.4.2.990000010",
        *(pl.when(pl.col("trigger").is_in(WITH_ZFD)).then(name).alias(name) for name in ZFD),
    )
    both = reading.movements.join(written, on=["sender", "control_id"], suffix="_written")
    assert both.height == len(sent)
    for name in set(Movements.column_names()) - PLACED_BY_READING - {"sender", "control_id"}:
        expected = pl.col(f"{name}_written") if name in written.columns else pl.lit(None, both.schema[name])
        different = both.filter(~pl.col(name).eq_missing(expected))
        assert different.is_empty(), (name, different.select("trigger", name).head(3))


names = st.text("ABCDEÉÈÇŒÀ'- ", min_size=1, max_size=20).map(str.strip).filter(bool)
maybe = st.none() | names


@given(
    birth_name=names,
    first_given_name=names,
    given_names=maybe,
    used_name=maybe | st.just('""'),
    address=maybe,
    city=maybe,
    sex=st.sampled_from(["M", "F", "U"]),
    attributes=st.none() | st.just("DOUT") | st.just("HOMA DOUT"),
    sender=st.sampled_from(["GAM|HDEMO", "URGENCES|HDEMO"]),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_er7__any_names_are_read_back(tmp_path: Path, sender: str, **fields: str | None) -> None:
    encoding, charset = ("iso8859-15", "8859/15") if sender.startswith("GAM") else ("utf-8", "UNICODE UTF-8")
    message = {
        "trigger": "A28", "sender": sender, "control_id": "1", "message_time": None, "ipp": "42",
        "identity_code": "PROV", "birth_date": "19700101", **fields,
    }  # fmt: skip
    path = tmp_path / "un.hl7"
    path.write_bytes("\r".join([*er7(message, charset=charset), ""]).encode(encoding))
    read = read_movements([path], ReadingSettings()).movements
    assert read.height == 1
    for name, value in fields.items():
        assert read[name][0] == value, name
