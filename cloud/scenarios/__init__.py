"""What a finding means: one folder per use, each with a pure `assess`."""
