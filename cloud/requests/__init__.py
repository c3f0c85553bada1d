"""What people ask about their own data: information or erasure, each request with a clock of its own."""
