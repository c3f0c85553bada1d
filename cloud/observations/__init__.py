"""What the devices told, as rows; immutable once stored."""
