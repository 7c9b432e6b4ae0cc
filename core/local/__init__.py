"""The embedded engine: an OpenAI-compatible app that really looks at the pixels."""
