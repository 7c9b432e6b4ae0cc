"""Names and values as a quiet list."""

from collections.abc import Mapping

import streamlit as st


def show_facts(rows: Mapping[str, str]) -> None:
    """Draw each name beside its value."""
    with st.container(gap="xsmall"):
        for name, value in rows.items():
            with st.container(horizontal=True, vertical_alignment="center", wrap=False):
                st.caption(name, width=150)
                st.text(value, width="stretch")
