"""Water over the road, as a stop's gauge measures it."""
