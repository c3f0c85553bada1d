"""How fast it is; each result names its device."""
