"""A Hub on loopback, and what the project does with it."""
