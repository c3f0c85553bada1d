"""Safe driving: what an event at the wheel means, which review may follow, and how drivers compare. Pure."""
