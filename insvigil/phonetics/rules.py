"""The rules of the French phonetic keys: ordered tables of literal rewritings (``b"\\n"`` is the edge of a name).

The rules are insvigil's own, written from the usual letter-to-sound correspondences of French (silent final
consonants, nasal vowels, C and G before E, I, Y, Greek digraphs) in the spirit of FONEM (Bouchard, Brouard and
Légaré, 1981), with the spellings of names met in French hospitals: Portuguese and Spanish ``-ES``/``-EZ``, Arabic
``MOHAMED``/``MUHAMMAD``, ``DJ``/``J``.
"""

from __future__ import annotations

Rewritings = tuple[tuple[bytes, bytes], ...]


def _each(pattern: str, replacement: str, letters: str) -> Rewritings:
    """Return one rewriting a letter, ``?`` standing for the letter on both sides."""
    return tuple((pattern.replace("?", x).encode(), replacement.replace("?", x).encode()) for x in letters)


def _table(*rows: str | Rewritings) -> Rewritings:
    """Read rows such as ``"PH>F TH>T"`` (``|`` is the edge of a name) and splice ready-made rewritings."""
    out: list[tuple[bytes, bytes]] = []
    for row in rows:
        if isinstance(row, tuple):
            out.extend(row)
            continue
        for rule in row.replace("|", "\n").split(" "):
            pattern, _, replacement = rule.partition(">")
            out.append((pattern.encode(), replacement.encode()))
    return tuple(out)


_CONSONANTS = "BCDFGJKLPQRSTVXZ"

# Lower-case letters are sounds already settled (c = CH of CHAT, g = hard G), so that later rules leave them alone.
FINE_RULES: Rewritings = _table(
    # One word: Saint is often shortened, Arabic transliterations vary on unwritten vowels
    "|SAINTE>|STE |SAINT>|ST",
    "MUHAM>MOHAM MOUHAM>MOHAM HAMMAD>HAMED HAMAD>HAMED HAMMED>HAMED AHMAD>AHMED ABDOUL>ABDEL ABDUL>ABDEL",
    # Digraphs with H, then silent H
    "CHAEL>KAEL SCH>CH TCH>CH SH>CH PH>F CHR>KR CHL>KL GHE>gE GHI>gI CH>c H>",
    # Groups written with a silent or double consonant
    "DJ>J BV>V MPT>MT QU>K Q>K CK>K",
    # C and G
    "SCE>SE SCI>SI SCY>SI CCE>KSE CCI>KSI CE>SE CI>SI CY>SI C>K",
    "GEAU>JO GEO>JO GEA>JA GUE>gE GUI>gI GUY>gI GE>JE GI>JI GY>JI",
    # Vowel groups; final consonants that hide behind them first
    "AULT|>AU| AULD|>AU| AULX|>AU| AUX|>AU| EAU>O AU>O",
    "OEU>U EU>U OO>OU |OUA>|VA |OUE>|VE |OUI>|VI",
    "AYE|>E| AIE|>E| AY|>E| EY|>E| Y>I AIN|>IN| EIN|>IN|",
    _each("AIN?", "IN?", _CONSONANTS),
    _each("EIN?", "IN?", _CONSONANTS),
    "AI>E EI>E",
    # Nasal vowels before a consonant
    "AMB>ANB AMP>ANP EMB>ANB EMP>ANP OMB>ONB OMP>ONP IMB>INB IMP>INP",
    _each("EN?", "AN?", _CONSONANTS + "cg"),
    # Silent final consonants, the outer one first
    "SS|>S| ZZ|>S| S|>| X|>| Z|>| TT|>T| DD|>D| PP|>P| T|>| D|>| P|>| NK|>N|",
    # One letter a sound
    "X>KS Z>S W>V",
)

COARSE_CLASSES: Rewritings = _table(
    # A mute final E, then the consonant that it gave voice to
    "E|>| E|>| S|>| T|>| D|>| P|>|",
    # Any vowel that opens the name is one class; voiced and voiceless sounds are one
    _each("\n?", "\na", "AEIOU"),
    "D>T B>P G>K J>C V>F",
)
COARSE_SKELETON: Rewritings = _table("A> E> I> O> U>")
