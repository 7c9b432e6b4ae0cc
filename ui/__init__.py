"""Streamlit only: the parts that pages share."""
