"""The contract between vehicle and cloud; imports nothing of ours."""
