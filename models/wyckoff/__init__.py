"""Crystals as occupied Wyckoff positions: space group, orbits with their free coordinates, lattice."""
