"""Where the bus was: positions in batches."""
