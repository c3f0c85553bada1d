"""Damaged roads."""
