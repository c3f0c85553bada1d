"""The worker: from observations to findings to cases."""
