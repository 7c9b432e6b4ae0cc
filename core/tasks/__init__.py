"""Presets: a prompt in two languages, a schema and advised settings."""
