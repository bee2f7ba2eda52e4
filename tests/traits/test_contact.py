"""Contact traits: what makes two writings of one address, phone or e-mail equal."""

from __future__ import annotations

import polars as pl
import pytest

from insvigil.traits import contact


@pytest.mark.parametrize(
    ("rule", "text", "key"),
    [
        (contact.address_keys, "12, av. du Gal de Gaulle", "12 AVENUE DU GENERAL DE GAULLE"),
        (contact.address_keys, "12 AVENUE DU GÉNÉRAL-DE-GAULLE", "12 AVENUE DU GENERAL DE GAULLE"),
        (contact.address_keys, "3 bis r. St Jean", "3 BIS RUE SAINT JEAN"),
        (contact.address_keys, ".", None),
        (contact.city_keys, "St-Étienne CEDEX 02", "SAINT ETIENNE"),
        (contact.city_keys, "LYON 03", "LYON"),
        (contact.postal_code_keys, "1400", "01400"),
        (contact.postal_code_keys, "75 012", "75012"),
        (contact.postal_code_keys, "00000", None),
        (contact.postal_code_keys, "sw1a 1aa", "SW1A1AA"),
        (contact.phone_keys, "+33 6 12 34 56 78", "612345678"),
        (contact.phone_keys, "0033612345678", "612345678"),
        (contact.phone_keys, "06.12.34.56.78", "612345678"),
        (contact.phone_keys, "0000000000", None),
        (contact.phone_keys, "15", None),
        (contact.email_keys, " Jean.Dupont@Courriel.EXAMPLE ", "jean.dupont@courriel.example"),
        (contact.email_keys, "aucun", None),
        (contact.email_keys, None, None),
    ],
)
def test_contact_keys__one_writing_for_all(rule: object, text: str | None, key: str | None) -> None:
    assert rule(pl.Series("c", [text], dtype=pl.String)).item() == key  # type: ignore[operator]
