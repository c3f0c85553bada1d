"""Driving: incidents, exposure, reviews and shifts in the database."""
