"""One file per sensor; each yields readings."""
