"""What a face does: its mesh, and the outlines of the eyes."""
