"""What the sensors of a stop measure."""
