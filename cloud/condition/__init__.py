"""The condition of each road segment, with how sure it is and how fresh."""
