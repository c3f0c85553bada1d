"""What leaves the bus: outbox, publisher, pictures."""
