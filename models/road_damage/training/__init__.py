"""Training of the road damage detector. The only code of the repository that needs torch."""
