"""The sample pictures that come with the product, and what is known to be on each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.phrases import N_
from core.types import ImageSource

_FOLDER = Path(__file__).resolve().parent.parent / "assets" / "samples"


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture to try things with.

    `title` is for the reader and goes through the translator. `task` names the task it suits;
    `truth` holds facts that a right answer to that task contains, by the schema's names.
    """

    name: str
    title: str
    file: str
    task: str
    truth: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Return where the picture lies."""
        return _FOLDER / self.file

    def source(self) -> ImageSource:
        """Return the picture, ready to be asked about."""
        return ImageSource(self.file, self.path.read_bytes())


_ALL = (
    Sample(
        "receipt",
        N_("Till receipt"),
        "receipt.jpg",
        "receipt",
        {
            "vendor": "SAMPLE CORNER CAFE",
            "date": "2026-04-05",  # printed 05/04/2026, which the text alone does not decide
            "currency": "EUR",
            "total": 20.30,
            "tax": 1.85,
            "items": 4,
        },
    ),
    Sample(
        "invoice",
        N_("English invoice"),
        "invoice.png",
        "receipt",
        {
            "vendor": "Sample Harbour Supplies Ltd",
            "date": "2026-03-14",
            "currency": "USD",
            "total": 671.33,
            "tax": 49.73,
            "items": 4,
        },
    ),
    Sample(
        "contract",
        N_("Chinese contract"),
        "contract_zh.png",
        "document",
        {
            "title": "展厅设计服务合同",
            "dates": ("2026年3月18日", "2026年4月1日", "2026年9月30日"),
            "amounts": ("48,000.00", "19,200.00", "9,600.00"),
            "names": ("张三", "李四"),
            "organizations": ("示例市云杉博物馆有限公司", "样例空间设计工作室"),
            "tables": 1,
        },
    ),
    Sample(
        "chart",
        N_("Bar chart"),
        "chart.png",
        "diagram",
        {
            "title": "Tile Museum of Exampleton",
            "values": {"Q1": 2150, "Q2": 3320, "Q3": 4180, "Q4": 2610},
        },
    ),
    Sample(
        "lake",
        N_("Lake at sunset"),
        "lake.jpg",
        "describe",
        {"subjects": ("lake", "sun", "hills", "reeds", "sky")},
    ),
)

SAMPLES: Mapping[str, Sample] = {sample.name: sample for sample in _ALL}
