"""Parts of the Live metrics page."""
