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
        longest = finish(reference)
        wanted = contents(reference)
        reached: Counter[str] = Counter()
        failures = []
        littered = 0
        for place, moment in enumerate(moments(chosen.moments, chosen.seed, longest)):
            stage, different = trial(scene, wanted, folder / "work", moment)
            reached[stage] += 1
            littered += bool(leftovers(folder / "work"))
            if different:
                failures.append((place, round(moment, 3), stage, different))
                print(f"moment {place} at {moment:.3f} s after {stage}: {different}", flush=True)
        print(f"night of {longest:.2f} s, {chosen.identities} identities, seed {chosen.seed}")
        print("killed after: " + ", ".join(f"{stage} {count}" for stage, count in sorted(reached.items())))
        print(f"leaving files behind: {littered}")
        print(f"equal to the uninterrupted night: {chosen.moments - len(failures)} of {chosen.moments}")
    finally:
        shutil.rmtree(folder)
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
