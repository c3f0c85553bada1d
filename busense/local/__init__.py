"""Everything on one machine: an embedded PostgreSQL and an embedded broker, both out of Python packages."""
