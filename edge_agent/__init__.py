"""The program on the bus: cameras and receivers in, geotagged events out."""
