"""Tessera without a front end: imports neither Streamlit nor FastAPI."""
