"""A seeded town whose truth is known; it runs the real agent."""
