"""The road network: imported once, drawn under everything else."""
