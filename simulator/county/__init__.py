"""A whole county of buses: lines on real or invented roads, damage over the year, weather, messages by the million."""
