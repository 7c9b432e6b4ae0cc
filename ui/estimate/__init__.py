"""The parts of the Estimate page."""
