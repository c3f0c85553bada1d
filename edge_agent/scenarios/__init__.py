"""From detections to observations, one folder per use."""
