"""Kernels of reading: bytes and offsets, nothing else."""
