"""How a doublon differs from the first record of the same person: rates, and the slips themselves.

A copy is first recorded as the person is, then slips are made on its text. Each copy has its own carelessness, so
that a few copies carry many slips and a fifth of them none, as in real files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt
import polars as pl

Rows = npt.NDArray[np.int64]
Columns = dict[str, pl.Series]


@dataclass(frozen=True)
class ErrorMix:
    """The rates of an invented population; each rate is a share between 0 and 1."""

    # what the file is made of
    copies: float = 0.08  # share of the rows that are a second, third or fourth record of a person
    basin: float = 0.72  # share of people living in the hospital's own departments
    born_abroad: float = 0.13
    # hard negatives: pairs for one person
    twins: float = 0.006
    siblings: float = 0.03
    mothers: float = 0.025
    fathers: float = 0.015
    couples: float = 0.02
    homonyms: float = 0.003
    # what no record holds, first or copy
    matricule_absent: float = 0.60
    other_given_names_absent: float = 0.45
    birth_place_absent: float = 0.06
    address_absent: float = 0.04
    phone_absent: float = 0.30
    email_absent: float = 0.70
    used_name_absent: float = 0.12
    multiple_birth_absent: float = 0.60
    placeholder_date: float = 0.002
    # slips of copies
    birth_name_typo: float = 0.09
    birth_name_sound: float = 0.06
    birth_name_form: float = 0.30  # hyphen, blank or apostrophe written otherwise; counts where there is one
    birth_name_truncated: float = 0.25  # one half of a compound name; counts where there are two
    given_name_typo: float = 0.055
    given_name_sound: float = 0.045
    given_name_form: float = 0.25
    given_name_truncated: float = 0.12
    second_given_name_first: float = 0.02
    names_swapped: float = 0.025
    used_for_birth_name: float = 0.2  # counts where there is a used name
    day_month_swapped: float = 0.025
    day_off: float = 0.025
    month_off: float = 0.018
    year_off: float = 0.025
    decade_off: float = 0.005
    date_digit: float = 0.022
    date_placeholder: float = 0.025
    sex_wrong: float = 0.012
    birth_place_wrong: float = 0.04
    birth_place_near: float = 0.06  # the residence or another commune of the department
    matricule_digit: float = 0.015
    matricule_other: float = 0.003
    matricule_parent: float = 0.15  # counts where a parent is in the file
    moved: float = 0.28
    postal_code_wrong: float = 0.02
    address_form: float = 0.15
    phone_changed: float = 0.30
    email_changed: float = 0.25


SLIPS: tuple[str, ...] = tuple(field.name for field in fields(ErrorMix))[
    [field.name for field in fields(ErrorMix)].index("birth_name_typo") :
]
"""The names of the rates that make a copy differ."""


def scale_mix(mix: ErrorMix, factor: float) -> ErrorMix:
    """Return a mix whose slips are ``factor`` times as frequent, none above 0.6."""
    return replace(mix, **{name: min(0.6, getattr(mix, name) * factor) for name in SLIPS})


def draw_mix(seed: int) -> ErrorMix:
    """Return a plausible mix drawn around the default one: each rate is multiplied by its own log-normal factor."""
    rng = np.random.default_rng([seed, 600])
    factors = np.exp(rng.normal(0.0, 0.55, len(fields(ErrorMix))))
    rates = {
        field.name: float(min(0.85, getattr(DEFAULT, field.name) * factor))
        for field, factor in zip(fields(ErrorMix), factors, strict=True)
    }
    return replace(DEFAULT, **rates)


DEFAULT = ErrorMix()
MIXES: dict[str, ErrorMix] = {
    "default": DEFAULT,
    "light": scale_mix(DEFAULT, 0.5),
    "heavy": scale_mix(DEFAULT, 1.8),
    "national": replace(DEFAULT, basin=0.0),
    "no_ins": replace(DEFAULT, matricule_absent=1.0),
    "families": replace(DEFAULT, twins=0.015, siblings=0.08, mothers=0.06, fathers=0.04, homonyms=0.01),
}
"""Named mixes, to show what is lost away from the default one."""


def make_slips(copies: Columns, mix: ErrorMix, rng: np.random.Generator) -> Columns:
    """Return the columns of copies with their slips; ``matricule_of_parent`` and ``moved_*`` are read, then dropped."""
    columns = dict(copies)
    size = len(columns["birth_name"])
    carelessness = rng.gamma(1.6, 1 / 1.6, size)
    for name in SLIPS:
        rows = np.flatnonzero(rng.random(size) < getattr(mix, name) * carelessness)
        if len(rows):
            _SLIPS[name](columns, rows, rng)
    return columns


def _put(columns: Columns, name: str, rows: Rows, values: pl.Series) -> None:
    """Replace the values of ``rows``; a gather over old and new values, which is fast and keeps nulls."""
    old = columns[name]
    index = np.arange(len(old))
    index[rows] = len(old) + np.arange(len(rows))
    columns[name] = pl.concat([old, values.cast(old.dtype).alias(old.name)]).gather(index)


def _slip(name: str, change: Callable[[pl.Series, np.random.Generator], pl.Series]) -> _Slip:
    def make(columns: Columns, rows: Rows, rng: np.random.Generator) -> None:
        _put(columns, name, rows, change(columns[name].gather(rows), rng))

    return make


def _date_slip(change: Callable[[Rows, Rows, Rows, np.random.Generator], tuple[Rows, Rows, Rows]]) -> _Slip:
    def make(columns: Columns, rows: Rows, rng: np.random.Generator) -> None:
        text = columns["birth_date"].gather(rows)
        parts = [text.str.slice(*cut).cast(pl.Int64).to_numpy().copy() for cut in ((0, 4), (5, 2), (8, 2))]
        year, month, day = change(parts[0], parts[1], parts[2], rng)
        month = np.clip(month, 1, 12)
        day = np.clip(day, 1, _MONTH_LENGTHS[month])
        frame = pl.DataFrame({"year": np.clip(year, 1890, 2026), "month": month, "day": day})
        dates = frame.select(pl.date("year", "month", "day").dt.to_string("%Y-%m-%d")).to_series()
        _put(columns, "birth_date", rows, dates)

    return make


_Slip = Callable[[Columns, Rows, np.random.Generator], None]
_MONTH_LENGTHS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_NEIGHBOURS = {  # on a French keyboard
    "A": "ZQ", "B": "VN", "C": "XV", "D": "SF", "E": "RZ", "F": "DG", "G": "FH", "H": "GJ", "I": "UO", "J": "HK",
    "K": "JL", "L": "KM", "M": "LN", "N": "BM", "O": "IP", "P": "OM", "Q": "AS", "R": "ET", "S": "QD", "T": "RY",
    "U": "YI", "V": "CB", "W": "XQ", "X": "CW", "Y": "TU", "Z": "EA",
}  # fmt: skip
_SOUNDS = (
    ("PH", "F"), ("TH", "T"), ("Y", "I"), ("I$", "Y"), ("LL", "L"), ("NN", "N"), ("TT", "T"), ("SS", "S"), ("RR", "R"),
    ("MM", "M"), ("EAU", "AU"), ("AU", "O"), ("AULT$", "AUD"), ("AUD$", "AULT"), ("D$", "T"), ("T$", "D"), ("S$", ""),
    ("X$", "S"), ("([AEIO])N([AEIO])", "${1}NN$2"), ("([AEIO])L([AEIO])", "${1}LL$2"), ("([AEO])T([AEIO])", "${1}TT$2"),
    ("CK", "K"), ("QU", "K"), ("C([AOU])", "K$1"), ("K([AOU])", "C$1"), ("GE([AO])", "J$1"), ("AIN", "IN"),
    ("EN([DT])", "AN$1"), ("AN([DT])", "EN$1"), ("Z$", "S"), ("SCH", "CH"), ("^H", ""), ("E$", ""),
    ("([NLRT])$", "${1}E"), ("IE$", "Y"), ("OU", "OO"), ("CH", "SH"), ("AI", "EI"), ("EI", "AI"), ("ES$", "EZ"),
    ("EZ$", "ES"), ("EFEV", "EFEBV"),
)  # fmt: skip


def _typo(text: pl.Series, rng: np.random.Generator) -> pl.Series:
    """Return each text with one letter left out, added, replaced by its neighbour, doubled, or two letters swapped."""
    size = len(text)
    length = text.str.len_chars().fill_null(1).to_numpy()
    at = pl.Series((rng.random(size) * np.maximum(length - 1, 1)).astype(np.int64) + (length > 1))
    at = pl.Series(np.where(rng.random(size) < 0.1, 0, at.to_numpy()))  # the first letter is the least mistaken
    near = [{letter: both[i] for letter, both in _NEIGHBOURS.items()} for i in (0, 1)]
    side = pl.Series(rng.random(size) < 0.5)
    kind = pl.Series(rng.choice(5, size, p=[0.25, 0.12, 0.28, 0.15, 0.20]))
    frame = pl.DataFrame({"t": text, "p": at, "k": kind, "side": side}).with_columns(
        head=pl.col("t").str.head(pl.col("p")),
        char=pl.col("t").str.slice(pl.col("p"), 1),
        rest=pl.col("t").str.slice(pl.col("p") + 1),
    )
    neighbour = pl.when("side").then(pl.col("char").replace(near[0])).otherwise(pl.col("char").replace(near[1]))
    return frame.select(
        pl.when(pl.col("t").str.len_chars() < 3)
        .then("t")
        .when(pl.col("k") == 0)
        .then(pl.col("head") + pl.col("rest"))
        .when(pl.col("k") == 1)
        .then(pl.col("head") + pl.col("char") + neighbour + pl.col("rest"))
        .when(pl.col("k") == 2)
        .then(pl.col("head") + neighbour + pl.col("rest"))
        .when(pl.col("k") == 3)
        .then(pl.col("head") + pl.col("char") + pl.col("char") + pl.col("rest"))
        .otherwise(pl.col("head") + pl.col("rest").str.head(1) + pl.col("char") + pl.col("rest").str.slice(1))
    ).to_series()


def _sound(text: pl.Series, rng: np.random.Generator) -> pl.Series:
    """Return each text written as it sounds: the first rule drawn that changes it, of five at most."""
    columns = {"text": text}
    left = np.arange(len(text))
    for _ in range(5):
        rule = rng.integers(len(_SOUNDS), size=len(left))
        for index in np.unique(rule):
            rows = left[rule == index]
            _put(columns, "text", rows, text.gather(rows).str.replace(*_SOUNDS[index]))
        left = np.flatnonzero((columns["text"] == text).fill_null(False).to_numpy())
    return columns["text"]


def _form(text: pl.Series, rng: np.random.Generator) -> pl.Series:
    """Return each text with its hyphens, blanks and apostrophes written another way."""
    glued = text.str.replace_all("[-' ]", "")
    other = text.str.replace_many(["-", " ", "'"], [" ", "-", " "])
    return _pick(rng, 0.35, glued, other)


def _truncated(text: pl.Series, rng: np.random.Generator) -> pl.Series:
    """Return one part of each compound text, the first most often; others unchanged."""
    first = text.str.extract(r"^([^- ]{3,})[- ].*$").fill_null(text)
    last = text.str.extract(r"^.*[- ]([^- ]{3,})$").fill_null(text)
    return _pick(rng, 0.7, first, last)


def _pick(rng: np.random.Generator, share: float, one: pl.Series, other: pl.Series) -> pl.Series:
    return one.zip_with(pl.Series(rng.random(len(one)) < share), other)


def _names_swapped(columns: Columns, rows: Rows, _: np.random.Generator) -> None:
    birth_name, given_name = (columns[name].gather(rows) for name in ("birth_name", "first_given_name"))
    _put(columns, "birth_name", rows, given_name)
    _put(columns, "first_given_name", rows, birth_name)


def _second_given_name_first(columns: Columns, rows: Rows, _: np.random.Generator) -> None:
    others = columns["other_given_names"].gather(rows)
    rows, others = rows[others.is_not_null().to_numpy()], others.drop_nulls()
    _put(columns, "first_given_name", rows, others.str.extract("^([^ ]+)"))
    _put(columns, "other_given_names", rows, others.str.extract("^[^ ]+ (.+)$"))


def _used_for_birth_name(columns: Columns, rows: Rows, rng: np.random.Generator) -> None:
    """The used name stands as birth name; half the time the birth name stands as used name."""
    used, birth = (columns[name].gather(rows) for name in ("used_name", "birth_name"))
    kept = used.is_not_null().to_numpy()
    rows, used, birth = rows[kept], used.filter(kept), birth.filter(kept)
    _put(columns, "birth_name", rows, used)
    _put(columns, "used_name", rows, _pick(rng, 0.5, birth, used))


def _sex_wrong(columns: Columns, rows: Rows, _: np.random.Generator) -> None:
    _put(columns, "sex", rows, columns["sex"].gather(rows).replace({"M": "F", "F": "M"}))


def _matricule_parent(columns: Columns, rows: Rows, _: np.random.Generator) -> None:
    parent = columns["matricule_of_parent"].gather(rows)
    known = parent.is_not_null().to_numpy()
    _put(columns, "matricule", rows[known], parent.filter(known))


def _other_row(name: str) -> _Slip:
    """Take the value of another row: wrong, but plausible and as frequent as it should be."""

    def make(columns: Columns, rows: Rows, rng: np.random.Generator) -> None:
        _put(columns, name, rows, columns[name].gather(rng.integers(len(columns[name]), size=len(rows))))

    return make


def _birth_place_near(columns: Columns, rows: Rows, _: np.random.Generator) -> None:
    """The commune of residence stands for the commune of birth, for people born in France."""
    french = (~columns["birth_place"].gather(rows).str.starts_with("99")).fill_null(False).to_numpy()
    _put(columns, "birth_place", rows[french], columns["home_place"].gather(rows[french]))


def _moved(columns: Columns, rows: Rows, _: np.random.Generator) -> None:
    for name in ("address", "postal_code", "city"):
        _put(columns, name, rows, columns[f"moved_{name}"].gather(rows))


def _digit(text: pl.Series, rng: np.random.Generator) -> pl.Series:
    """Return each number with one digit changed."""
    at = pl.Series((rng.random(len(text)) * text.str.len_chars().fill_null(1).to_numpy()).astype(np.int64))
    frame = pl.DataFrame({"t": text, "p": at, "d": pl.Series(rng.integers(10, size=len(text))).cast(pl.String)})
    return frame.select(pl.col("t").str.head("p") + pl.col("d") + pl.col("t").str.slice(pl.col("p") + 1)).to_series()


def _address_form(text: pl.Series, rng: np.random.Generator) -> pl.Series:
    words, short = ["AVENUE", "BOULEVARD", "ALLEE", "IMPASSE", "CHEMIN", "SAINT", "GENERAL"], [
        "AV", "BD", "ALL", "IMP", "CHE", "ST", "GAL"]  # fmt: skip
    lost_number = text.str.replace(r"^\d+ ", "")
    shortened = text.str.replace_many(words, short).str.replace(" DE LA ", " ", literal=True)
    return _pick(rng, 0.25, lost_number, shortened)


def _day_month_swapped(year: Rows, month: Rows, day: Rows, _: np.random.Generator) -> tuple[Rows, Rows, Rows]:
    possible = day <= 12
    return year, np.where(possible, day, month), np.where(possible, month, day)


def _step(rng: np.random.Generator, size: int) -> Rows:
    return np.asarray(rng.choice([-1, 1], size), dtype=np.int64)


def _date_digit(year: Rows, month: Rows, day: Rows, rng: np.random.Generator) -> tuple[Rows, Rows, Rows]:
    """Change one digit among the last two of the year and those of the day and month; impossible dates are clipped."""
    size = len(year)
    which, digit = rng.integers(4, size=size), rng.integers(10, size=size)
    year = np.where(which == 0, year - year % 10 + digit, year)
    day = np.where(which == 1, day - day % 10 + digit, day)
    day = np.where(which == 2, day % 10 + 10 * (digit % 3), day)
    month = np.where(which == 3, np.where(month >= 10, 10 + digit % 3, 1 + digit % 9), month)
    return year, month, day


_SLIPS: dict[str, _Slip] = {
    "birth_name_typo": _slip("birth_name", _typo),
    "birth_name_sound": _slip("birth_name", _sound),
    "birth_name_form": _slip("birth_name", _form),
    "birth_name_truncated": _slip("birth_name", _truncated),
    "given_name_typo": _slip("first_given_name", _typo),
    "given_name_sound": _slip("first_given_name", _sound),
    "given_name_form": _slip("first_given_name", _form),
    "given_name_truncated": _slip("first_given_name", _truncated),
    "second_given_name_first": _second_given_name_first,
    "names_swapped": _names_swapped,
    "used_for_birth_name": _used_for_birth_name,
    "day_month_swapped": _date_slip(_day_month_swapped),
    "day_off": _date_slip(lambda y, m, d, rng: (y, m, d + _step(rng, len(d)))),
    "month_off": _date_slip(lambda y, m, d, rng: (y, m + _step(rng, len(m)), d)),
    "year_off": _date_slip(lambda y, m, d, rng: (y + _step(rng, len(y)), m, d)),
    "decade_off": _date_slip(lambda y, m, d, rng: (y + 10 * _step(rng, len(y)), m, d)),
    "date_digit": _date_slip(_date_digit),
    "date_placeholder": _date_slip(lambda y, m, d, _: (y, np.ones_like(m), np.ones_like(d))),
    "sex_wrong": _sex_wrong,
    "birth_place_wrong": _other_row("birth_place"),
    "birth_place_near": _birth_place_near,
    "matricule_digit": _slip("matricule", _digit),
    "matricule_other": _other_row("matricule"),
    "matricule_parent": _matricule_parent,
    "moved": _moved,
    "postal_code_wrong": _slip("postal_code", _digit),
    "address_form": _slip("address", _address_form),
    "phone_changed": _other_row("phone"),
    "email_changed": _other_row("email"),
}
