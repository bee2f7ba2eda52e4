"""Numbers, dates and words as a French reader expects them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from insvigil.vocabulary import Coded

_DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin",
    "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip
NARROW = "\u202f"
"""The narrow no-break space of thousands and before a percent sign."""

MISSING = "—"


def integer(value: int | None) -> str:
    """Return ``1 234 567``, or a dash for None."""
    return MISSING if value is None else f"{value:,}".replace(",", NARROW)


def decimal(value: float | None, digits: int = 1, *, signed: bool = False) -> str:
    """Return ``1 234,5``, or a dash for None."""
    if value is None:
        return MISSING
    value = round(value, digits) or 0.0  # no « -0,0 »
    text = f"{value:{'+' if signed and value else ''},.{digits}f}".replace(",", NARROW).replace(".", ",")
    return text.replace("-", "\u2212")


def percent(rate: float | None, digits: int = 1) -> str:
    """Return ``71,4 %`` for 0.714, or a dash for None; 100 % and 0 % are only said when they are exact."""
    if rate is None:
        return MISSING
    if rate in (0, 1):
        return f"{100 * int(rate)}{NARROW}%"
    edge = 10 ** -(digits + 2)
    if 0 < rate < edge / 2:
        return f"<{NARROW}{decimal(edge * 100, digits)}{NARROW}%"
    if 1 - edge / 2 <= rate < 1:
        return f">{NARROW}{decimal(100 - edge * 100, digits)}{NARROW}%"
    return f"{decimal(rate * 100, digits)}{NARROW}%"


def long_date(day: date) -> str:
    """Return ``jeudi 20 novembre 2026``."""
    number = "1er" if day.day == 1 else str(day.day)
    return f"{_DAYS[day.weekday()]} {number} {_MONTHS[day.month - 1]} {day.year}"


def short_date(day: date | None) -> str:
    """Return ``20/11/2026``, or a dash for None."""
    return MISSING if day is None else f"{day:%d/%m/%Y}"


def moment(time: datetime) -> str:
    """Return ``20/11/2026 à 23 h 50``."""
    return f"{time:%d/%m/%Y} à {time:%H}{NARROW}h{NARROW}{time:%M}"


def plural(count: int, singular: str, many: str | None = None) -> str:
    """Return ``3 agrégats`` or ``1 agrégat``."""
    return f"{integer(count)} {singular if abs(count) < 2 else many or singular + 's'}"


def probability(value: float | None) -> str:
    """Return a probability in percent, never « 100 % » nor « 0 % »: no score is a proof."""
    if value is None:
        return MISSING
    return percent(min(max(value, 1e-4), 1 - 1e-4))


def likelihood(probability: float | None) -> str:
    """Return the words for a probability (bands are a convention of insvigil)."""
    if probability is None:
        return "à vérifier"
    for least, words in ((0.99, "quasi certain"), (0.9, "très probable"), (0.5, "probable")):
        if probability >= least:
            return words
    return "possible"


def labels(vocabulary: type[Coded]) -> dict[str, str]:
    """Return the French label of each code of a closed list."""
    return {member.value: member.label for member in vocabulary}


def conservation(account: Mapping[str, int]) -> str:
    """Return the account of messages in one line, from what was read to what became of it."""
    return (
        f"{integer(account['read'])} lus = {integer(account['kept'])} gardés + {integer(account['folded'])} repliés "
        f"+ {integer(account['rejected'])} rejetés"
    )
