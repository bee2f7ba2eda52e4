"""Kill a night at N seeded moments: ``python -m benchmarks.crash_harness --moments 100 --seed 1``.

Each trial starts from the same register, kills a real process with SIGKILL, runs the night again and compares every
table of the register and every file of the results with those of a night that was never killed.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from tests.register.crashes import contents, finish, leftovers, make_scene, moments, trial


def main() -> int:
    """Run the trials; print the kills by stage and the failures; return 1 when one differs."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--moments", type=int, default=100)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--identities", type=int, default=3000)
    chosen = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="insvigil-crash-"))
    try:
        scene, reference = folder / "scene", folder / "reference"
        make_scene(scene, identities=chosen.identities, seed=chosen.seed)
        shutil.copytree(scene, reference)
        spent = finish(reference)
        wanted = contents(reference)
        hits: Counter[str] = Counter()
        failures = littered = 0
        for place, moment in enumerate(moments(chosen.moments, chosen.seed, spent)):
            hit, different = trial(scene, wanted, folder / "work", moment)
            hits[moment[0] if hit else "too late"] += 1
            littered += bool(leftovers(folder / "work"))
            failures += bool(different)
            if different:
                print(f"moment {place}, {moment[1]:.3f} s after {moment[0]}: {different}", flush=True)
        print(f"night of {sum(spent.values()):.2f} s, {chosen.identities} identities, seed {chosen.seed}")
        print("killed after: " + ", ".join(f"{stage} {count}" for stage, count in sorted(hits.items())))
        print(f"leaving unnamed files behind: {littered}")
        print(f"equal to the uninterrupted night: {chosen.moments - failures} of {chosen.moments}")
    finally:
        shutil.rmtree(folder)
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
