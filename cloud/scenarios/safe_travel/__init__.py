"""Journeys of people who wear a tag: what sightings mean, given where readers really were."""
