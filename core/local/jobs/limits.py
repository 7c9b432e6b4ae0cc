"""The limits of a batch.

Source: https://developers.openai.com/api/docs/guides/batch, read 2026-11-23.
"""

from typing import Final

MAX_REQUESTS: Final = 50_000
MAX_FILE_BYTES: Final = 200 * 2**20
MAX_LINE_BYTES: Final = 64 * 2**20
"""No request may be larger on its own way either."""
MAX_PROBLEMS: Final = 100
"""More lines that are wrong are not listed."""
