"""Safe driving: what the bus feels and where it is, turned into events at the wheel."""
