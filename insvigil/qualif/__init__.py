"""qualif."""
