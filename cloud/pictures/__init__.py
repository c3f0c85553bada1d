"""Pictures under their SHA-256: announced by a detection, sent by HTTP, kept in an object store."""
