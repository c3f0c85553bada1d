"""From pixels to detections and places on the road."""
