"""Cases: the administrative matter that a finding becomes."""
