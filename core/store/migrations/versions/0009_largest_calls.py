"""The largest call in the sums, what active alerts have come to, and latencies without jobs."""

from alembic import op

revision = "0009"
down_revision = "0008"

_STEPS_S = (60, 3600, 21600, 86400)
_OF_CALLS = """
    UPDATE call_sums SET most_tokens = found.most FROM (
        SELECT CAST(at_s AS INTEGER) / 60 * 60 AS minute, call_kinds.id AS kind_id,
            max(input_tokens + output_tokens) AS most
        FROM calls JOIN call_kinds USING
            (model, task, lane, front_end, status, cached, cost_basis)
        WHERE calls.id <= (SELECT last_call FROM rolled_up)
            AND call_kinds.code = coalesce(calls.code, '')
            AND input_tokens + output_tokens IS NOT NULL
        GROUP BY 1, 2
    ) AS found
    WHERE step_s = 60 AND at_s = found.minute AND kind = found.kind_id
"""


def _of_smaller_steps(smaller_s: int, step_s: int) -> str:
    return f"""
        UPDATE call_sums SET most_tokens = (
            SELECT coalesce(max(part.most_tokens), 0) FROM call_sums AS part
            WHERE part.step_s = {smaller_s} AND part.at_s >= call_sums.at_s
                AND part.at_s < call_sums.at_s + {step_s} AND part.kind = call_sums.kind)
        WHERE step_s = {step_s}
    """  # noqa: S608 - whole numbers of ours


_STATEMENTS = (
    "ALTER TABLE call_sums ADD COLUMN most_tokens INTEGER NOT NULL DEFAULT 0",
    _OF_CALLS,
    *map(_of_smaller_steps, _STEPS_S, _STEPS_S[1:]),
    "ALTER TABLE alerts ADD COLUMN current_value FLOAT",
    # Without the lines of jobs, as latencies are: else each row of a bin is read to see its lane.
    "DROP INDEX calls_by_latency_s",
    """CREATE INDEX calls_by_latency_s ON calls (latency_s, at_s)
        WHERE status = 'succeeded' AND NOT cached AND lane <> 'batch'""",
)


def upgrade() -> None:
    """Add the columns, and look up the largest calls of the sums that are there."""
    for statement in _STATEMENTS:
        op.execute(statement)
