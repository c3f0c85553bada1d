"""What leaves the system about cases: webhooks, e-mail, enterprise chat."""
