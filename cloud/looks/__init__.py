"""Looks at somebody's whereabouts, whoever they are: a purpose, two persons, a time box, and a record they read."""
