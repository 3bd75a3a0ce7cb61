"""A variational autoencoder of crystals as occupied Wyckoff positions."""
