"""People who travel by themselves with a tag: consent, tags, what is concluded, and who may look."""
