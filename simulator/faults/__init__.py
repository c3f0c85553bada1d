"""Faults on order: what a bus's network does to it."""
