"""Signs, rails, poles, covers, hydrants and bins: which are gone, hidden or damaged."""
