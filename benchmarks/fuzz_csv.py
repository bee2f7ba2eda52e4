"""Coverage-guided fuzzing of the CSV reader: rows and rejects, or one French fault.

``python benchmarks/fuzz_csv.py -max_total_time=600 CORPUS_DIR`` with atheris installed (not a dependency).
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["insvigil.reading"]):
    from insvigil.errors import InsvigilError
    from insvigil.reading.column_map import ColumnMap
    from insvigil.reading.delimited import read_extract

COLUMNS = ColumnMap.model_validate({"id": "I", "birth_name": "N", "matricule": ["M", "C"]})
PATH = Path(tempfile.mkdtemp()) / f"fuzz{os.getpid()}.csv"


def read(data: bytes) -> None:
    """Read bytes as a CSV whose header may be whole or not."""
    PATH.write_bytes(b"I;N;M;C\n" + data[1:] if data[:1] == b"+" else data)
    try:
        found = read_extract(PATH, COLUMNS)
    except InsvigilError:
        return
    assert found.counts["read"] == found.counts["kept"] + found.counts["rejected"]
    assert found.counts["kept"] == found.identities.height == found.ids.n_unique()
    found.identities.write_json()


if __name__ == "__main__":
    atheris.Setup(sys.argv, read)
    atheris.Fuzz()
