"""Engines: what answers a call. One speaks to the network; one is for tests."""
