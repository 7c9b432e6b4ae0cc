"""What the process serves beside the pages; imports core, never Streamlit."""
