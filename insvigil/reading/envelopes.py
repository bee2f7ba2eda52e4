"""Batch envelopes (FHS BHS BTS FTS): counts compared, presence never required (HL7 2.5 §2.10.3)."""

from __future__ import annotations

from dataclasses import dataclass

BATCH_COUNT, FILE_COUNT, BROKEN = "IDV-LEC-102", "IDV-LEC-103", "IDV-LEC-104"


@dataclass
class Envelope:
    """The open envelopes of one file, fed in order."""

    file_open: bool = False
    batch_open: bool = False
    messages: int = 0
    batches: int = 0

    def take(self, segment: str, declared: int | None, messages: int) -> list[str]:
        """Take an envelope segment, the count it declares and the messages met since the last one; return codes."""
        self.messages += messages
        codes: list[str] = []
        match segment:
            case "FHS":
                if self.file_open or self.batch_open:
                    codes.append(BROKEN)
                self.file_open, self.batch_open, self.batches = True, False, 0
            case "BHS":
                if self.batch_open:
                    codes.append(BROKEN)
                self.batch_open, self.messages = True, 0
            case "BTS":
                if not self.batch_open:
                    codes.append(BROKEN)
                elif declared is not None and declared != self.messages:
                    codes.append(BATCH_COUNT)
                self.batches += 1
                self.batch_open = False
            case "FTS":
                if not self.file_open or self.batch_open:
                    codes.append(BROKEN)
                elif declared is not None and self.batches and declared != self.batches:
                    codes.append(FILE_COUNT)
                self.file_open = self.batch_open = False
        if segment in ("FHS", "FTS", "BTS"):
            self.messages = 0
        return codes

    def close(self) -> list[str]:
        """Return the codes of a file that ends here."""
        return [BROKEN] if self.file_open or self.batch_open else []


def declared_count(trailer: bytes) -> int | None:
    """Return BTS-1 or FTS-1, or None when it is not a number."""
    separator = trailer[3:4]
    field = trailer.split(separator)[1].strip() if separator and trailer.count(separator) else b""
    return int(field) if field.isdigit() and len(field) < 10 else None
