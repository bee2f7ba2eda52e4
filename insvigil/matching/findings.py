"""What the engine says of each pair: doublon potentiel, collision potentielle, homonyme détecté, or nothing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from insvigil.matching.dates import PLAIN_DATE
from insvigil.matching.given_names import PLAIN
from insvigil.matching.levels import TRAITS
from insvigil.matching.rules import CODES, JUDGED_OTHERS, Verdicts
from insvigil.matching.weights import Bits, Levels
from insvigil.vocabulary import Finding

FINDINGS: tuple[Finding, ...] = (Finding.NONE, Finding.HOMD, Finding.COLP, Finding.DPOT)
"""The findings, numbered as ``find`` returns them, in order of urgency."""


def find(
    levels: Levels, chance: Bits, verdicts: Verdicts, threshold: float, *, hospital: bool = True
) -> npt.NDArray[np.int8]:
    """Return the finding of each pair, as an index of ``FINDINGS``.

    DPOT: probability at the threshold or above, or a rule that makes certain, and no rule that excludes. COLP: one
    matricule on two identities that contradict each other, whatever the score when both names differ (in
    a ``hospital``'s file, where a number is a person's). HOMD: same
    names and nearly the same birth date, yet two persons. What a person judged to be two is not reported again.
    """
    from insvigil.matching.kernels import agreements as k

    family, given, date, matricule = (
        levels[:, TRAITS.index(trait)] for trait in ("birth_name", "given_name", "birth_date", "matricule")
    )
    given, date = PLAIN[given], PLAIN_DATE[date]
    found = np.zeros(len(levels), np.int8)
    judged = verdicts.rule == CODES.index(JUDGED_OTHERS)
    alike = (family >= k.F_CLOSE) & (given >= k.G_CLOSE) & (date >= k.D_PLACEHOLDER)
    found[alike & ~judged] = FINDINGS.index(Finding.HOMD)
    one_matricule = (matricule >= k.M_SAME_INCOHERENT) & ~judged
    other_given, other_family = ((names >= 1) & (names <= k.G_FAINT) for names in (given, family))
    other_date = (date >= 1) & (date <= k.D_PART)
    found[one_matricule & (other_given | other_date)] = FINDINGS.index(Finding.COLP)
    found[((chance >= threshold) | verdicts.certain) & ~verdicts.never] = FINDINGS.index(Finding.DPOT)
    if hospital:
        strangers = one_matricule & other_given & other_family & ~verdicts.certain
        found[strangers] = FINDINGS.index(Finding.COLP)
    return found
