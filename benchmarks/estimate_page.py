"""What one slider step on the Estimate page costs the server, against the same charts as constants.

Both pages run as scripts in this process, through the whole of Streamlit but the browser.
"""

import os
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from streamlit.testing.v1 import AppTest

STEPS = 30
ROOT = Path(__file__).resolve().parents[1]


def constant_page(figures: list[str]) -> None:
    """Draw the same figures, and nothing else but the slider."""
    import json

    import streamlit as st

    from ui.charts import CONFIG

    st.slider("tokens", 10, 4000, 500, step=10, key="estimate.output_tokens")
    for at, figure in enumerate(figures):
        st.plotly_chart(json.loads(figure), key=f"figure.{at}", config=CONFIG)


def step_s(page: AppTest) -> float:
    """Move the slider a number of times and return the median seconds of one rerun."""
    times = []
    for step in range(STEPS):
        page.slider(key="estimate.output_tokens").set_value(200 + 20 * step)
        started = perf_counter()
        page.run()
        times.append(perf_counter() - started)
    assert not page.exception
    return median(times)


def main() -> None:
    """Print both medians and their ratio."""
    with tempfile.TemporaryDirectory() as directory:
        os.environ["TESSERA_DATA_DIR"] = directory
        from ui.resources import shut_down

        page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
        page = page.switch_page("pages/estimate.py").run()
        figures = [chart.proto.spec for chart in page.get("plotly_chart")]
        constant = AppTest.from_function(constant_page, args=(figures,), default_timeout=60).run()
        ours_s, constant_s = step_s(page), step_s(constant)
        shut_down()
    print(f"a slider step, median of {STEPS} (wanted: at most 3x)")
    print(f"  Estimate page          {ours_s * 1e3:7.1f} ms   {ours_s / constant_s:.2f}x")
    print(f"  its charts as constants{constant_s * 1e3:7.1f} ms   ({len(figures)} charts)")


if __name__ == "__main__":
    main()
