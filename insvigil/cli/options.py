"""The options that commands share: one wording, one meaning."""

from __future__ import annotations

from pathlib import Path

import click

with_config = click.option(
    "--config", metavar="FICHIER", type=click.Path(path_type=Path), help="Réglages (défaut : insvigil.toml)."
)
for_machines = click.option("--json", "as_machine", is_flag=True, help="Pour une machine.")
