"""Things in the world, made of what many passes saw and did not see."""
