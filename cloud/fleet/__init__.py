"""The devices: who they are, how they are, and which of their messages have arrived."""
