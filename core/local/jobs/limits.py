"""The limits of a batch.

Source: https://developers.openai.com/api/docs/guides/batch, read 2026-11-23.
"""

from typing import Final

DAY_S: Final = 86_400
SHORTEST_KEPT_S: Final = 3600
LONGEST_KEPT_S: Final = 30 * DAY_S
"""How long a file is kept; also what is usual."""
MAX_REQUESTS: Final = 50_000
MAX_FILE_BYTES: Final = 200 * 2**20
MAX_LINE_BYTES: Final = 64 * 2**20
"""No request may be larger on its own way either."""
MAX_PROBLEMS: Final = 100
"""More lines that are wrong are not listed."""
