"""From the broker into the database: read, store in one transaction, acknowledge, receipt."""
