"""GTFS-realtime: where buses are, for the bus company and from it."""
