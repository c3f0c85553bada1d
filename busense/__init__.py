"""One command for everything, and everything on one machine."""
