from __future__ import annotations

import csv
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from insvigil.errors import InsvigilError, SettingsError, SourceError, UsageError
from insvigil.reading import ColumnMap, delimited, open_extract, read_extract

SHARED = Path(__file__).parents[3] / "shared" / "matchdata"
MAP = ColumnMap.model_validate({"id": "IPP", "birth_name": "NOM", "birth_date": "Né le", "matricule": ["NIR", "CLE"]})
HEADER = "IPP;NOM;Né le;NIR;CLE\n"


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "extrait.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(("encoding", "charset"), [("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8"), ("cp1252", "cp1252")])
@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
def test_read_extract__guesses_separator_and_charset_and_says_so(
    tmp_path: Path, encoding: str, charset: str, separator: str
) -> None:
    text = (HEADER + "7; NOËL ;17/03/1984;2840376219041;73\n9;;;;\n").replace(";", separator)
    found = read_extract(write(tmp_path, text, encoding), MAP)
    assert found.ids.to_list() == [7, 9]
    assert found.identities.rows() == [("NOËL", "17/03/1984", "2840376219041 73"), (None, None, None)]
    assert found.identities.columns == ["birth_name", "birth_date", "matricule"]
    assert (found.report["charset"], found.report["separator"]) == (charset, separator)
    assert found.counts == {"read": 2, "kept": 2, "folded": 0, "rejected": 0}


def test_read_extract__keeps_ids_with_leading_zeros_as_text(tmp_path: Path) -> None:
    assert read_extract(write(tmp_path, HEADER + "007;A;;;\n008;B;;;\n"), MAP).ids.to_list() == ["007", "008"]


@pytest.mark.parametrize("odd", ["-0", "+5", "1.0", "1e3", "1_0", "1\u0661", "9223372036854775808", "01", "5x", "00"])
def test_read_extract__keeps_ids_as_text_when_one_is_no_number_written_the_usual_way(tmp_path: Path, odd: str) -> None:
    found = read_extract(write(tmp_path, HEADER + f"0;A;;;\n17;B;;;\n{odd};C;;;\n"), MAP)
    assert found.ids.to_list() == ["0", "17", odd]


def test_read_extract__takes_negative_numbers_and_zero_for_numbers(tmp_path: Path) -> None:
    assert read_extract(write(tmp_path, HEADER + "-3;A;;;\n0;B;;;\n12;C;;;\n"), MAP).ids.to_list() == [-3, 0, 12]


def test_read_extract__rejects_missing_and_repeated_ids(tmp_path: Path) -> None:
    found = read_extract(write(tmp_path, HEADER + "1;A;;;\n;B;;;\n1;C;;;\n2;D;;;\n"), MAP)
    assert found.ids.to_list() == [1, 2]
    assert found.identities["birth_name"].to_list() == ["A", "D"]
    assert found.rejects.select("line", "code", "rejected").rows() == [
        (3, "IDV-LEC-501", True),
        (4, "IDV-LEC-502", True),
    ]
    assert found.counts == {"read": 4, "kept": 2, "folded": 0, "rejected": 2}


def test_read_extract__sets_aside_lines_with_too_many_values(tmp_path: Path) -> None:
    found = read_extract(write(tmp_path, HEADER + "1;A;;;\n2;B;C;D;E;F;G\n3;D\n"), MAP)
    assert found.ids.to_list() == [1, 3]
    assert found.rejects.select("line", "code").rows() == [(3, "IDV-LEC-503")]
    assert found.counts["rejected"] == 1


@pytest.mark.parametrize("value", ["2,84038E+14", "284037621904173.0", "28403762190417", "284037621904"])
def test_read_extract__names_a_matricule_that_a_spreadsheet_damaged(tmp_path: Path, value: str) -> None:
    found = read_extract(write(tmp_path, f"{HEADER}1;A;;{value};\n2;B;;2840376219041;73\n"), MAP)
    assert found.identities["matricule"][0] == value
    assert found.rejects.select("line", "code", "rejected").rows() == [(2, "IDV-LEC-504", False)]
    assert found.report["damaged_matricules"] == 1


def test_read_extract__names_the_line_of_the_file_whatever_was_refused_before_it(tmp_path: Path) -> None:
    rows = "1;A;;;\n;B;;;\n2;C;;284037621904;\n3;D;E;F;G;H;I\n;J;;;\n4;K;;284037621904;\n"
    found = read_extract(write(tmp_path, HEADER + rows), MAP)
    assert found.rejects.select("line", "code").rows() == [
        (3, "IDV-LEC-501"),
        (4, "IDV-LEC-504"),
        (5, "IDV-LEC-503"),
        (6, "IDV-LEC-501"),
        (7, "IDV-LEC-504"),
    ]


def test_read_extract__reads_parquet_of_any_type(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "IPP": ["b", "a"],
            "NOM": ["X", ""],
            "Né le": [date(1984, 3, 17), None],
            "NIR": [2840376219041.0, None],
            "CLE": [73, None],
            "autre": [[1], [2]],
        }
    )
    frame.write_parquet(tmp_path / "a.parquet")
    found = read_extract(tmp_path / "a.parquet", MAP)
    assert found.ids.to_list() == ["b", "a"]
    assert found.identities.rows() == [("X", "1984-03-17", "2840376219041 73"), (None, None, None)]
    times = frame.with_columns(pl.Series("Né le", [datetime(1984, 3, 17, 5), None]))
    times.write_parquet(tmp_path / "b.parquet")
    assert read_extract(tmp_path / "b.parquet", MAP).identities["birth_date"].to_list() == ["1984-03-17", None]


def test_read_extract__keeps_the_order_of_the_file(tmp_path: Path) -> None:
    ids = list(range(200_000, 0, -1))
    pl.DataFrame({"IPP": ids, "NOM": [str(n) for n in ids]}).write_parquet(tmp_path / "a.parquet", row_group_size=5000)
    plain = ColumnMap.model_validate({"id": "IPP", "birth_name": "NOM"})
    found = read_extract(tmp_path / "a.parquet", plain)
    assert found.ids.to_list() == ids
    assert found.identities["birth_name"].cast(pl.Int64).to_list() == ids
    pl.read_parquet(tmp_path / "a.parquet").write_csv(tmp_path / "a.csv")
    assert read_extract(tmp_path / "a.csv", plain).ids.to_list() == ids


def test_read_extract__names_the_missing_column_and_those_present(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read_extract(write(tmp_path, "IPP;NOM\n1;A\n"), MAP)
    assert "« Né le » (columns.birth_date)" in str(caught.value)
    assert "IPP, NOM" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"  \n", b"\xef\xbb\xbf", b"a\0b;c\n", b"PAR1 nothing"])
def test_read_extract__refuses_what_is_no_table(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(SourceError):
        read_extract(path, MAP)


def test_read_extract__refuses_missing_paths_and_folders(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.csv"):
        with pytest.raises(UsageError):
            read_extract(path, MAP)


@given(st.binary(max_size=80) | st.text(alphabet='a1;,"\n\r\té€\0', max_size=60).map(str.encode))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_read_extract__any_bytes_give_rows_rejects_or_one_french_fault(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"IPP;NOM;N\n" + data)
    try:
        found = read_extract(path, ColumnMap.model_validate({"id": "IPP", "birth_name": "NOM"}))
    except InsvigilError:
        return
    assert found.counts["read"] == found.counts["kept"] + found.counts["rejected"]
    assert found.counts["kept"] == found.identities.height == found.ids.len() == found.ids.n_unique()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[columns]\nid = "a"\nfoo = "b"\n', "clé inconnue « columns.foo »"),
        ('[columns]\nbirth_name = "b"\n', "clé obligatoire absente « columns.id »"),
        ("[columns]\nid = 3\n", "« columns.id »"),
        ('[other]\nid = "a"\n', "columns"),
        ("[columns", "TOML"),
    ],
)
def test_column_map__names_every_wrong_key(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "MAP.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        ColumnMap.load(path)
    assert said in str(caught.value)


def test_column_map__refuses_an_absent_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        ColumnMap.load(tmp_path / "absent.toml")


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data are not here")
def test_read_extract__reads_febrl_whose_header_has_blanks() -> None:
    found = read_extract(
        SHARED / "febrl_dataset3.csv",
        ColumnMap.model_validate({"id": "rec_id", "birth_name": "surname", "address": ["street_number", "address_1"]}),
    )
    assert found.counts["kept"] == 5000
    assert found.identities["birth_name"].drop_nulls().str.starts_with(" ").sum() == 0


def test_open_extract__gives_the_columns_of_a_parquet_file_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    rows = {
        "num": [1, None, 2, 1, 3],
        "nom": ["A", "B", " ", "D", "E"],
        "date": ["x"] * 5,
        "nir": [None] * 5,
        "c": [""] * 5,
    }
    pl.DataFrame(rows, schema_overrides={"nir": pl.String}).write_parquet(path)
    columns = ColumnMap.model_validate({"id": "num", "birth_name": "nom", "birth_date": "date", "matricule": "nir"})
    whole, asked = read_extract(path, columns), open_extract(path, columns)
    assert asked.read_ids().equals(whole.ids) and asked.rejects.equals(whole.rejects)
    assert asked.counts == whole.counts and asked.report == whole.report
    assert asked.identities.columns == whole.identities.columns
    assert asked.identities.height == whole.identities.height == 3
    for name in asked.identities.columns:
        assert asked.identities[name].equals(whole.identities[name])
    pl.DataFrame(rows, schema_overrides={"nir": pl.String}).head(4).write_parquet(path)
    with pytest.raises(SourceError, match="ne peut pas être lu"):
        asked.identities["birth_name"]
    path.unlink()
    with pytest.raises(SourceError, match="ne peut pas être lu"):
        asked.read_ids()


written = st.text(st.sampled_from(' a\té\u00a0\ufeff"À,'), max_size=6)


@example([("", "\t")], "\t", 5)
@given(st.lists(st.tuples(written, written), min_size=1, max_size=12), st.sampled_from(";\t"), st.sampled_from((5, 64)))
def test_read_extract__strips_what_has_outer_blanks_wherever_the_blocks_end(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], separator: str, block: int
) -> None:
    path = tmp_path_factory.mktemp("blanks") / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter=separator, quoting=csv.QUOTE_ALL if block == 5 else csv.QUOTE_MINIMAL)
        writer.writerow(("id", "nom", "ville"))
        writer.writerows((f"p{number}", *row) for number, row in enumerate(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "_BLOCK", block)
        extract = read_extract(path, ColumnMap(id=("id",), birth_name=("nom",), city=("ville",)))
    expected = [tuple(text.strip(" \t\u00a0\ufeff") or None for text in row) for row in rows]
    assert extract.identities.select("birth_name", "city").rows() == expected


@pytest.mark.parametrize("text", [" a", "a ", "a\t", "a\u00a0", "\u00a0a", "\ufeffa", '"a "'])
def test_read_extract__sees_the_only_blank_whatever_block_it_falls_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"id;nom;ville\nb1;{text};c\n", encoding="utf-8")
    for block in range(1, 40):
        monkeypatch.setattr(delimited, "_BLOCK", block)
        extract = read_extract(path, ColumnMap(id=("id",), birth_name=("nom",)))
        assert extract.identities["birth_name"].to_list() == ["a"]
