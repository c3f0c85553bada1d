-- Of a rectangle of the map.
CREATE INDEX driving_incidents_place_idx ON driving_incidents USING gist (point(lon, lat));
CREATE INDEX travel_stops_place_idx ON travel_stops USING gist (point(lon, lat));
