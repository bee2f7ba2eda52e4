"""Coverage-guided fuzzing of the HL7 reader, from bytes to a validated frame.

``python benchmarks/fuzz_hl7.py -max_total_time=600 CORPUS_DIR`` with atheris installed (not a dependency). Kernels run
as plain Python (``NUMBA_DISABLE_JIT=1``), so that their branches are seen, out-of-range reads raise, and every finding
is compared with what the message count promises.
"""

from __future__ import annotations

import os
import sys
import warnings

os.environ["NUMBA_DISABLE_JIT"] = "1"

import atheris

with atheris.instrument_imports(include=["insvigil.reading"]):
    from collections import Counter
    from pathlib import Path

    import insvigil.reading.hl7_messages as hl7_messages
    import insvigil.reading.kernels.decoding
    import insvigil.reading.kernels.picking
    import insvigil.reading.kernels.seen
    import insvigil.reading.kernels.segments
    import insvigil.reading.kernels.tape
    import insvigil.reading.kernels.times
    import insvigil.reading.kernels.views  # noqa: F401
    from insvigil.frames import Movements, Rejects
    from insvigil.reading.notes import Notes
    from insvigil.reading.sources import Piece, Source
    from insvigil.settings import ReadingSettings

warnings.simplefilter("ignore", RuntimeWarning)  # 64-bit words wrap around, as they do in the kernels


def read(data: bytes) -> None:
    """Read bytes as a file; raise when a message is lost or a frame is broken."""
    source = Source(0, Path("fuzz.hl7"))
    counts: Counter[str] = Counter()
    notes = Notes()
    reader = hl7_messages.Hl7Reader(ReadingSettings())
    movements = reader.read([Piece(source, data, 0, False)], counts, notes)
    reader.close(source, notes)
    Movements.validate(movements)
    movements.write_json()
    rejects = Rejects.validate(notes.frame([source]))
    assert counts["read"] == counts["kept"] + counts["duplicates"] + counts["rejected"]
    assert counts["kept"] == movements.height
    assert counts["rejected"] == rejects["rejected"].sum()


if __name__ == "__main__":
    atheris.Setup(sys.argv, read)
    atheris.Fuzz()
