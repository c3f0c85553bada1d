"""Models and settings that the cloud rolls out: fetched, checked, tried, and taken back when they do not work."""
