"""``python -m insvigil``."""

from insvigil.cli import main

main()
