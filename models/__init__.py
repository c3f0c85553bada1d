"""Trained models: card, manifest, weights, and how they were made."""
