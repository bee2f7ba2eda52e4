"""insvigil beside Splink on the same invented file, whole processes, one after the other.

    python benchmarks/peers.py [--identities 100000] [--seed 1]

Splink is not a dependency: ``pip install splink`` into an environment of your choice; without it only insvigil runs.
Prints wall seconds, peak memory, and pairs precision, recall and F1 at each tool's own default threshold.
"""

from __future__ import annotations

import argparse
import importlib.util
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

from insvigil.bench.population import generate
from insvigil.bench.scoring import score_pairs

COLUMNS = (
    "birth_name", "given_names", "used_name", "birth_date", "sex", "birth_place", "matricule", "postal_code",
)  # fmt: skip

DOCUMENTED = """
    cl.NameComparison("birth_name"), cl.NameComparison("given_names"),
    cl.ExactMatch("birth_date"), cl.ExactMatch("sex"),
    cl.ExactMatch("birth_place").configure(term_frequency_adjustments=True), cl.ExactMatch("matricule"),
    cl.ExactMatch("postal_code").configure(term_frequency_adjustments=True)])
"""
TUNED = """
    cl.JaroWinklerAtThresholds("birth_name", [0.9]).configure(term_frequency_adjustments=True),
    cl.JaroWinklerAtThresholds("given_names", [0.9]), cl.ExactMatch("birth_date"), cl.ExactMatch("sex"),
    cl.ExactMatch("birth_place"), cl.ExactMatch("matricule"), cl.ExactMatch("postal_code")],
    retain_matching_columns=False, retain_intermediate_calculation_columns=False)
"""
"""What its own pages show, and what is fastest: two levels a name, nothing kept but the pairs."""

SPLINK = """
import sys, polars as pl, splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
frame = pl.read_parquet(sys.argv[1]).rename({"id": "unique_id"}).to_arrow(compat_level=pl.CompatLevel.oldest())
blocks = [block_on("birth_name", "birth_date"), block_on("given_names", "birth_date"), block_on("matricule"),
          block_on("birth_name", "given_names"), block_on("birth_date", "postal_code")]
settings = SettingsCreator(link_type="dedupe_only", blocking_rules_to_generate_predictions=blocks, comparisons=[
COMPARISONS
linker = Linker(DuckDBAPI().register(frame), settings)
linker.training.estimate_probability_two_random_records_match(blocks[:3], recall=0.8)
linker.training.estimate_u_using_random_sampling(max_pairs=1e6)
linker.training.estimate_parameters_using_expectation_maximisation(block_on("birth_date"))
linker.training.estimate_parameters_using_expectation_maximisation(block_on("birth_name", "given_names"))
found = pl.from_arrow(linker.inference.predict(threshold_match_probability=0.5).as_duckdbpyrelation().to_arrow_table())
found.select(left="unique_id_l", right="unique_id_r").write_parquet(sys.argv[2])
"""


def main() -> None:
    """Write the file, run each tool, score what it found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--identities", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = generate(options.identities, options.seed)
        made.identities.select("id", *COLUMNS).write_parquet(folder / "identities.parquet")
        lines = ["[columns]", 'id = "id"', *(f'{column} = "{column}"' for column in COLUMNS)]
        (folder / "columns.toml").write_text("\n".join(lines), encoding="utf-8")
        source = str(folder / "identities.parquet")
        insvigil = [sys.executable, "-m", "insvigil", "match", source, "--columns", str(folder / "columns.toml")]
        for _ in range(2):  # the first run compiles
            cost = _run([*insvigil, "--out", str(folder / "out")])
        _tell("insvigil", cost, made.truth, pl.read_parquet(folder / "out" / "pairs.parquet"))
        if importlib.util.find_spec("splink") is None:
            print("splink absent")
            return
        for tool, comparisons in (("tuned", TUNED), ("documented", DOCUMENTED)):
            script = SPLINK.replace("COMPARISONS", comparisons)
            cost = _run([sys.executable, "-c", script, source, str(folder / "splink.parquet")])
            _tell(f"splink, {tool}", cost, made.truth, pl.read_parquet(folder / "splink.parquet"))


def _run(command: list[str]) -> tuple[float, float]:
    """Return wall seconds and the peak memory of the children so far, in gigabytes."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6


def _tell(tool: str, cost: tuple[float, float], truth: pl.DataFrame, pairs: pl.DataFrame) -> None:
    score = score_pairs(truth, pairs)
    rates = " ".join(f"{name} {score[name]:.4f}" for name in ("precision", "recall", "f1"))
    print(f"{tool:18s} {cost[0]:7.1f} s {cost[1]:6.2f} GB  {rates}")


if __name__ == "__main__":
    main()
