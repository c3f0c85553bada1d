"""Commands of the operations center, one file a subject."""
