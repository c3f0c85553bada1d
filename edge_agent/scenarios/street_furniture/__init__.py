"""Signs, rails, poles, covers, hydrants and bins beside the road, each told by its place."""
