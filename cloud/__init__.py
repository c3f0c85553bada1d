"""The operations center: ingest, findings, cases, pages."""
