"""A second invented hospital, built otherwise than ``insvigil.bench``: our own judge against learning one generator.

Families live together and are drawn as households (couples, children, twins, a grandfather who gave his name); slips
fall on every record, first ones included; the NIR is written without its key half of the time; a clerk who does not
know a date writes 1 January, 31 December or 1 January 1900. Nobody here exists.
"""

from __future__ import annotations

import random
from typing import Any

import polars as pl

from insvigil.bench.lists import load_lists

VOWELS = {"AI": "E", "EAU": "O", "AU": "O", "PH": "F", "Y": "I", "TH": "T", "CK": "K", "QU": "K", "OU": "U", "H": ""}
Person = dict[str, Any]


class Hospital:
    """Draws persons household by household, then records them."""

    def __init__(self, seed: int, *, slips: float = 1.0, known_nir: float = 0.45, twins: float = 0.02) -> None:
        self.rng = random.Random(seed)
        self.slips, self.known_nir, self.twins = slips, known_nir, twins
        lists = load_lists()
        self.surnames = [name.upper() for name in lists.surnames.to_list()]
        self.given = {
            sex: [lists.given_names[int(i)].upper() for i in lists.given_ranks[8, sex][:1500]] for sex in "MF"
        }
        towns = lists.communes.filter(pl.col("population") > 2_000).sample(150, seed=seed)
        self.towns = towns.select("code", "postal_code", "city").rows()

    def zipf(self, values: list[str], offset: float = 15.0) -> str:
        """Return a value, the first ones more often."""
        top = len(values)
        rank = int(offset * ((1 + top / offset) ** self.rng.random() - 1))
        return values[min(rank, top - 1)]

    def names(self, sex: str) -> list[str]:
        return [self.zipf(self.given[sex]) for _ in range(self.rng.choice((1, 2, 2, 3, 3)))]

    def person(self, surname: str, sex: str, year: int, home: tuple[str, ...], street: str, phone: str) -> Person:
        """Return one person; the NIR is built from the other traits."""
        month, day = self.rng.randint(1, 12), self.rng.randint(1, 28)
        place = self.rng.choice(self.towns)[0] if self.rng.random() < 0.4 else home[0]
        if self.rng.random() < 0.12:
            place = f"99{self.rng.randint(100, 420)}"
        person = {
            "surname": surname, "used": None, "given": self.names(sex), "sex": sex, "born": (year, month, day),
            "place": place, "home": home, "street": street, "phone": phone,
        }  # fmt: skip
        return self.identified(person)

    def identified(self, person: Person) -> Person:
        """Return the person with a NIR of its own."""
        year, month, _ = person["born"]
        place = person["place"].replace("2A", "19").replace("2B", "18")
        number = f"{1 if person['sex'] == 'M' else 2}{year % 100:02d}{month:02d}{place}{self.rng.randint(1, 600):03d}"
        person["nir"] = number + f"{97 - int(number) % 97:02d}" if self.rng.random() < 0.5 else number
        return person

    def household(self) -> list[Person]:
        """Return the members of one home."""
        home = self.rng.choice(self.towns)
        street = f"{self.rng.randint(1, 90)} RUE {self.zipf(self.surnames)}"
        phone = f"0{self.rng.randint(100_000_000, 799_999_999)}"
        year = self.rng.randint(1935, 1995)
        father = self.person(self.zipf(self.surnames), "M", year, home, street, phone)
        mother = self.person(self.zipf(self.surnames), "F", year + self.rng.randint(-6, 6), home, street, phone)
        if self.rng.random() < 0.7:
            mother["used"] = father["surname"]
        members = [father, mother]
        children = self.rng.choice((0, 0, 1, 2, 3))
        born = year + self.rng.randint(20, 38)
        while len(members) < 2 + children and born < 2026:
            child = self.person(father["surname"], self.rng.choice("MF"), born, home, street, phone)
            child["place"] = home[0]
            if self.rng.random() < 0.04:
                child["given"][0] = (father if child["sex"] == "M" else mother)["given"][0]
            members.append(self.identified(child))
            if self.rng.random() < self.twins:
                twin = self.person(father["surname"], self.rng.choice("MF"), born, home, street, phone)
                twin |= {"born": child["born"], "place": child["place"], "twin": True}
                if twin["given"][0] != child["given"][0]:
                    child["twin"] = True
                    members.append(self.identified(twin))
            born += self.rng.randint(1, 4)
        return [member for member in members if self.rng.random() < 0.8]

    def chance(self, rate: float) -> bool:
        return self.rng.random() < rate * self.slips

    def spoiled(self, text: str) -> str:
        """Return a text with one slip of the hand or of the ear."""
        if len(text) < 3:
            return text
        if self.rng.random() < 0.4:
            for heard, written in self.rng.sample(sorted(VOWELS.items()), len(VOWELS)):
                if heard in text:
                    return text.replace(heard, written, 1) or text
        at = self.rng.randrange(1, len(text))
        return self.rng.choice((
            text[:at] + text[at + 1 :],
            text[:at] + text[at - 1] + text[at:],
            text[: at - 1] + text[at] + text[at - 1] + text[at + 1 :],
            text[:at] + self.rng.choice("AEIOUNRSTL") + text[at + 1 :],
        ))  # fmt: skip

    def record(self, person: Person, *, copy: bool) -> dict[str, str | None]:
        """Return what a clerk wrote; a copy is more careless."""
        care = 1.0 if copy else 0.15
        surname, used, given = person["surname"], person["used"], list(person["given"])
        if used and self.chance(0.25 * care):
            surname, used = (used, surname) if self.rng.random() < 0.4 else (used, None)
        elif used and self.rng.random() < 0.3:
            used = None
        if self.chance(0.12 * care):
            surname = self.spoiled(surname)
        if self.chance(0.10 * care):
            given[0] = self.spoiled(given[0])
        if self.rng.random() < 0.5:
            given = given[:1]
        elif self.chance(0.06 * care):
            given[-1] = self.spoiled(given[-1])
        elif self.chance(0.03 * care):
            given = given[1:] + given[:1]
        if self.chance(0.02 * care):
            surname, given = given[0], [surname]
        year, month, day = person["born"]
        if self.chance(0.03 * care) and day <= 12:
            month, day = day, month
        elif self.chance(0.03 * care):
            day = min(28, max(1, day + self.rng.choice((-1, 1, 10, -10))))
        elif self.chance(0.03 * care):
            year += self.rng.choice((-1, 1, 10, -10, 2))
        elif self.chance(0.025 * care):
            month, day = self.rng.choice(((1, 1), (12, 31)))
        elif self.chance(0.003 * care):
            year, month, day = 1900, 1, 1
        nir = person["nir"] if self.rng.random() < self.known_nir else None
        if nir and self.chance(0.04 * care):
            at = self.rng.randrange(len(nir))
            nir = nir[:at] + str(self.rng.randint(0, 9)) + nir[at + 1 :]
        home, street, phone = person["home"], person["street"], person["phone"]
        if copy and self.rng.random() < 0.3:
            home, street = self.rng.choice(self.towns), f"{self.rng.randint(1, 90)} RUE {self.zipf(self.surnames)}"
        if copy and self.rng.random() < 0.35:
            phone = f"0{self.rng.randint(100_000_000, 799_999_999)}"
        return {
            "birth_name": surname, "used_name": used, "given_names": " ".join(given),
            "birth_date": f"{year:04d}-{month:02d}-{day:02d}", "sex": person["sex"] if not self.chance(0.01) else None,
            "birth_place": person["place"] if self.rng.random() < 0.9 else None, "matricule": nir,
            "postal_code": home[1], "city": home[2], "address": street if self.rng.random() < 0.9 else None,
            "phone": phone if self.rng.random() < 0.6 else None,
        }  # fmt: skip


def invent(size: int, seed: int, **rates: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return about ``size`` identities and their truth (id, person, twin), 8 % of them copies."""
    hospital = Hospital(seed, **rates)
    rows: list[tuple[int, dict[str, str | None]]] = []
    number, twins = 0, {}
    while len(rows) < size:
        members = hospital.household()
        twin_numbers = [number + i for i, member in enumerate(members) if member.get("twin")]
        for person in members:
            rows.append((number, hospital.record(person, copy=False)))
            if hospital.rng.random() < 0.07:
                copies = hospital.rng.choice((1, 1, 1, 1, 2, 3))
                rows.extend((number, hospital.record(person, copy=True)) for _ in range(copies))
            if number in twin_numbers and len(twin_numbers) > 1:
                twins[number] = next(other for other in twin_numbers if other != number)
            number += 1
    hospital.rng.shuffle(rows)
    identities = pl.DataFrame([row for _, row in rows]).with_row_index("id").with_columns(pl.col("id").cast(pl.String))
    truth = pl.DataFrame({
        "id": identities["id"],
        "person": pl.Series([person for person, _ in rows], dtype=pl.UInt32),
        "twin": pl.Series([twins.get(person) for person, _ in rows], dtype=pl.UInt32),
    })  # fmt: skip
    return identities, truth
