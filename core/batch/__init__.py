"""Batches: many pictures, one question, one budget; see service.py for what can be done to one."""

from core.batch.types import (
    BatchId,
    BatchItem,
    BatchProgress,
    BatchState,
    ExportFormat,
    ItemState,
    JobLane,
    JobStatus,
    LaneQuote,
    LaneQuotes,
    LeftOut,
    LimitUse,
)

__all__ = [
    "BatchId",
    "BatchItem",
    "BatchProgress",
    "BatchState",
    "ExportFormat",
    "ItemState",
    "JobLane",
    "JobStatus",
    "LaneQuote",
    "LaneQuotes",
    "LeftOut",
    "LimitUse",
]
