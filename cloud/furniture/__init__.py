"""Street furniture in the database: the inventory, how it got there, and what is shown of it."""
