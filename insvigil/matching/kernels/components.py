"""Union-find over the identities of a file."""

from __future__ import annotations

from insvigil.jit import kernel


@kernel("void(u4[:, ::1], u4[::1])")
def join(pairs, roots):  # type: ignore[no-untyped-def]
    """Point every identity to the smallest of its component; ``roots`` comes as 0, 1, 2 …"""
    for p in range(pairs.shape[0]):
        a, b = pairs[p, 0], pairs[p, 1]
        while roots[a] != a:
            roots[a] = roots[roots[a]]
            a = roots[a]
        while roots[b] != b:
            roots[b] = roots[roots[b]]
            b = roots[b]
        if a < b:
            roots[b] = a
        else:
            roots[a] = b
    for i in range(roots.size):
        roots[i] = roots[roots[i]]
