from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insvigil.reading import hl7_grammar, hl7_pam
from insvigil.reading.hl7_grammar import Batch, Choice, Extraction, Kind, Pick, Plan, Relation, Way
from tests.reading.writing import MARKS, message, segment
from tests.references.hl7_reference import messages_of, value_of

PLAN = hl7_pam.plan()
PLAIN = [pick for pick in hl7_pam.PICKS if pick.kind is not Kind.TIME]

# bytes that matter to the grammar, far more often than chance would bring them
TELLING = (
    b'MSH|^~\\&| MSH PID| PV1| ZBE| MRG| | ^ ~ & \\ \\F\\ \\X41\\ \\XZZ\\ PI INS BDL L ADT^A28 "" \x0b \x1c \xc3\xa9 '
    b"\xe9 \xcb\x9c \xef\xbb\xbf \0 1.2.250.1.213.1.4.8 20260105 BHS|^~\\& BTS|3"
).split(b" ")
hostile = st.lists(st.sampled_from([*TELLING, b" ", b"\r", b"\n", b"\r\n"]) | st.binary(max_size=6), max_size=60).map(
    b"".join
)


def extract(data: bytes, plan: Plan = PLAN) -> Extraction:
    batch = Batch.of(data)
    index = hl7_grammar.index(plan, batch)
    return hl7_grammar.extract(plan, batch, index, np.flatnonzero(index.messages[:, 4] & 1 == 0))


def only(data: bytes | str, column: str, plan: Plan = PLAN) -> object:
    found = extract(data.encode() if isinstance(data, str) else data, plan)
    assert len(found.kept) == 1
    return found.columns[column][0]


@given(hostile)
@settings(max_examples=400, deadline=None)
def test_index__finds_the_messages_that_splitting_finds(data: bytes) -> None:
    index = hl7_grammar.index(PLAN, Batch.of(data))
    twin = messages_of(data.decode("latin-1"))
    assert len(index.messages) == len(twin)
    for row, expected in zip(index.messages, twin, strict=True):
        assert row[3] == expected.line
        assert bool(row[4] & 1) == expected.orphan
    for slots, expected in zip(index.slots, twin, strict=True):
        for (begin, end), name in zip(slots, PLAN.segments, strict=True):
            assert (end > begin) == (name in expected.segments)


@given(hostile)
@settings(max_examples=400, deadline=None)
def test_extract__never_fails_and_gives_valid_text(data: bytes) -> None:
    found = extract(data)
    frame = pl.DataFrame(found.columns)
    frame.write_json()  # every string must be valid UTF-8
    assert frame.height == len(found.kept)


pieces = st.text(alphabet="AZaé0 -", max_size=14)
part = st.one_of(pieces, st.sampled_from(["PI", "INS", "L", "D", "BDL", "H", "", "PI ", "1.2.250.1.213.1.4.8"]))
component = st.lists(part, min_size=1, max_size=3).map("&".join)
repetition = st.lists(component, max_size=14).map("^".join)
value = st.lists(repetition, max_size=4).map("~".join)


@given(
    st.fixed_dictionaries(dict.fromkeys((3, 5, 11, 13, 18, 21, 32), value)),
    st.fixed_dictionaries(dict.fromkeys((2, 3, 19), value)),
    st.sampled_from([MARKS, "#$%@!", "|^~\\&"]),
)
@settings(max_examples=300, deadline=None)
def test_extract__gives_what_splitting_gives(pid: dict[int, str], pv1: dict[int, str], marks: str) -> None:
    header = {3: "A", 4: "B", 7: "2026", 9: "ADT^A01^X", 10: "1", 18: "UNICODE UTF-8"}
    text = "\r".join(segment(name, f) for name, f in (("MSH", header), ("PID", pid), ("PV1", pv1)))
    text = text.translate(str.maketrans(MARKS, marks))
    plan = Plan(PLAIN, ())
    found = extract(text.encode(), plan)
    twin = messages_of(text.encode().decode("latin-1"))[0]
    expected: dict[str, str | None] = {}
    for pick in plan.picks:
        if expected.get(pick.column) is None:
            raw = value_of(twin, pick)
            expected[pick.column] = raw.encode("latin-1").decode() if raw else None
    assert {name: series[0] for name, series in found.columns.items()} == expected


names = st.text(
    st.characters(codec="utf-8", exclude_categories=("C",), exclude_characters=" "), min_size=1, max_size=30
)


def escaped(text: str) -> str:
    swaps = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"}
    return "".join(swaps.get(letter, letter) for letter in text)


@given(st.lists(st.tuples(names, names, names), min_size=1, max_size=5))
@settings(max_examples=200, deadline=None)
def test_extract__reads_back_what_was_written(people: list[tuple[str, str, str]]) -> None:
    text = "".join(
        message(PID_5=f"{escaped(birth)}^{escaped(first)}^^^^^L~{escaped(used)}^^^^^^D", MSH_10=str(number))
        for number, (birth, first, used) in enumerate(people)
    )
    columns = extract(text.encode()).columns
    rows = list(zip(columns["birth_name"], columns["first_given_name"], columns["used_name"], strict=True))
    assert rows == people


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r\n"])
def test_extract__takes_every_line_end(end: str) -> None:
    assert only(message(end=end), "birth_name") == "BRINDILLE"


def test_extract__joins_a_continuation_line_to_its_segment() -> None:
    assert only(message().replace("PUITS", "PUITS\nBAT 2"), "street") == "4 RUE DU PUITS\nBAT 2"


def test_index__strips_mllp_marks() -> None:
    framed = b"\x0b" + message().encode() + b"\x1c\r\x0b" + message(MSH_10="M2").encode() + b"\x1c\r"
    assert extract(framed).columns["control_id"].to_list() == ["M1", "M2"]


def test_extract__reads_separators_from_the_header() -> None:
    text = message().translate(str.maketrans(MARKS, "#$*@!"))
    assert only(text, "birth_name") == "BRINDILLE"
    assert only(text, "domain") == "990000011"


def test_extract__takes_a_repetition_separator_of_two_bytes() -> None:
    text = message(PID_5="BRINDILLE^LISON^^^^^L~ROSEAU^^^^^^D").replace("~", "˜")
    assert only(text, "birth_name") == "BRINDILLE"
    assert only(text, "used_name") == "ROSEAU"


def test_extract__takes_two_encoding_characters_as_component_and_sub_component() -> None:
    text = message().replace("MSH|^~\\&|", "MSH|^&|")
    assert only(text, "birth_name") == "BRINDILLE"
    assert only(text, "domain") == "990000011"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"A\F\B", "A|B"),
        (r"A\S\B", "A^B"),
        (r"A\T\B", "A&B"),
        (r"A\R\B", "A~B"),
        (r"A\E\B", "A\\B"),
        (r"A\X42\C", "ABC"),
        (r"A\XC3A9\B", "AéB"),
        (r"\H\AB\N\ ", "AB "),
        (r"A\.br\B", "A\nB"),
        (r"A\Zunknown\B", r"A\Zunknown\B"),
        ("A\\B", "A\\B"),
        (r"A\XG1\B", r"A\XG1\B"),
    ],
)
def test_extract__resolves_escapes(written: str, read: str) -> None:
    assert only(message(PID_5=f"{written}^LISON^^^^^L"), "birth_name") == read


@pytest.mark.parametrize(
    ("codec", "declared", "name"),
    [
        ("utf-8", "UNICODE UTF-8", "NOËL"),
        ("utf-8", "8859/1", "NOËL"),
        ("iso8859-1", "8859/1", "NOËL"),
        ("iso8859-1", "UNICODE UTF-8", "NOËL"),
        ("iso8859-15", "8859/15", "ŒUVRARD"),
        ("iso8859-15", "8859/1", "ŒUVRARD"),
        ("cp1252", "8859/1", "ŒUVRARD L’HERMITE"),
        ("cp1252", "", "ŒUVRARD L’HERMITE"),
        ("cp1252", "ASCII", "DŸE"),
        ("iso8859-2", "8859/2", "ŁOŚ"),
    ],
)
def test_extract__decodes_by_the_bytes(codec: str, declared: str, name: str) -> None:
    data = message(PID_5=f"{name}^ZOÉ^^^^^L", MSH_18=declared).encode(codec)
    assert only(data, "birth_name") == name
    assert only(data, "first_given_name") == "ZOÉ"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026", "2026-01-01 00:00:00"),
        ("20260229", None),
        ("20240229", "2024-02-29 00:00:00"),
        ("202601051430", "2026-01-05 14:30:00"),
        ("20151125123110.703+0100", "2015-11-25 12:31:10.703000"),
        ("19000101", "1900-01-01 00:00:00"),
        ("00010101000000", "0001-01-01 00:00:00"),
        ("20261305", None),
        ("2026010", None),
        ("hier", None),
        ('""', None),
    ],
)
def test_extract__reads_time_stamps(written: str, read: str | None) -> None:
    found = only(message(EVN_6=written, EVN_2=""), "event_time")
    assert (None if found is None else str(found)) == read


def test_plan__refuses_a_place_that_is_none() -> None:
    with pytest.raises(ValueError, match="not a place"):
        Plan((Pick("x", "PID"),), ())


def test_extract__grows_its_tables_when_remarks_and_values_overflow() -> None:
    long = "\\T\\" * 30_000
    data = "".join(message(MSH_10=str(n), PID_5=f"{long}^LISON^^^^^X", PID_11="^^^1^^^BDL") for n in range(3))
    found = extract(data.encode())
    assert found.columns["birth_name"][2] == "&" * 30_000
    assert len(found.remarks.code) >= 6


def test_plan__asks_nothing_but_a_time_of_its_field() -> None:
    for others in ([Pick("of_day", "ZBE-2.2")], [Pick("again", "ZBE-2.1", kind=Kind.TIME)]):
        with pytest.raises(ValueError, match="all that is asked"):
            Plan([Pick("at", "ZBE-2.1", kind=Kind.TIME), *others], ())
    with pytest.raises(ValueError, match="all that is asked"):
        Plan([Pick("at", "ZBE-2.2", kind=Kind.TIME)], ())


def test_extract__a_plan_may_ask_nothing_of_the_header() -> None:
    found = extract(b"MSH|^~\\&|A||||20240306||ADT^A01|1|P|2.5\rPID|||7\r", Plan([Pick("ipp", "PID-3.1")], ()))
    assert found.columns["ipp"].to_list() == ["7"]


def test_extract__chooses_anew_whatever_the_message_before_chose() -> None:
    picks = [
        Pick("name", "PID-5.1", Choice((Way((hl7_grammar.Test(7, Relation.EQUALS, "L"),)), Way(code="IDV-LEC-203")))),
        Pick("ins", "PID-3.1", Choice((Way((hl7_grammar.Test(4, Relation.EQUALS, "1.2.250.1.213.1.4.8", sub=2),)),))),
    ]
    ins, other = "1&1.2.250.1.213.1.4.8&ISO", "1&1.2.250.1.213.1.4.9&ISO"
    told = [("A^^^^^^L", f"7^^^{ins}"), ("B^^^^^^D", f"8^^^{other}"), ("C^^^^^^D~D^^^^^^L", f"8^^^{other}~9^^^{ins}")]
    order = [0, 1, 1, 0, 2, 2, 1, 0, 2]
    data = "".join(f"MSH|^~\\&|a|b\rPID|||{told[k][1]}||{told[k][0]}\r" for k in order)
    found = extract(data.encode(), Plan(picks, ()))
    assert found.columns["name"].to_list() == [("A", "B", "D")[k] for k in order]
    assert found.columns["ins"].to_list() == [("7", None, "9")[k] for k in order]
    assert found.remarks.message.tolist() == [row for row, k in enumerate(order) if k == 1]
