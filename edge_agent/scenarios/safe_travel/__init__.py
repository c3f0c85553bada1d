"""Tags that people wear: what the bus hears of them, and where."""
