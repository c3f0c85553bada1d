"""Damaged roads: detections of successive frames become one observation per thing and pass."""
