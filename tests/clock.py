"""Time that stands still until a test moves it."""

from dataclasses import dataclass


@dataclass
class Clock:
    """Unix seconds that only a test moves."""

    now_s: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s

    def step(self, seconds: float) -> None:
        self.now_s += seconds
