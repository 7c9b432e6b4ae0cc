"""Batch: what can be done with many pictures today."""

import streamlit as st

from ui.i18n import _
from ui.navigation import require_frame

require_frame()

st.title(_("Batch"), anchor=False)
st.markdown(
    _(
        "Long batches with a budget, pause and resume are not part of this version. "
        "For many pictures there are two ways today:"
    )
)
with st.container(border=True):
    st.markdown(
        _(
            "**In the browser.** Drop up to a few hundred pictures, or a zip, on the Analyze "
            "page. They run side by side, each failing alone, and the results stay for "
            "seven days."
        )
    )
    st.page_link("pages/analyze.py", label=_("Open Analyze"), icon=":material/image_search:")
with st.container(border=True):
    st.markdown(
        _(
            "**On the command line.** A folder, a zip or a manifest, with one JSON document as "
            "the result:"
        )
    )
    st.code("python -m core analyze FOLDER --task receipt --json > answers.json", language="bash")
