-- Gathered events as they are stored: one row a day for each native event id, the earliest (a day must not depend on
-- which others load with it), of equally early ones one that states a latency: an event may be sent again when that is
-- known. Events without an id are all kept. A derived session is the events of one person up to a
-- gap of 30 minutes or midnight; its id is a number in its day and says nothing of the person.
INSERT INTO {target:Identifier}
SELECT
    * EXCEPT (distinct_key, gap_ms, turn, began) REPLACE
    (
        if(session_id IS NULL OR NOT (session_derived OR {number_sessions:Bool}), session_id, reinterpretAsUUID(substring(
            SHA256(concat(toString(day), ' ', toString(dense_rank() OVER (PARTITION BY day ORDER BY began, session_id, session_derived, turn)))),
            1, 16))) AS session_id
    )
FROM
(
    SELECT *, min(ts) OVER (PARTITION BY day, session_id, session_derived, turn) AS began
    FROM
    (
        SELECT
            *,
            if(session_derived, countIf(gap_ms > 1800000) OVER (
                PARTITION BY day, session_id, session_derived ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ), 0) AS turn
        FROM
        (
            SELECT
                *,
                dateDiff('millisecond', lagInFrame(ts, 1, ts) OVER (
                    PARTITION BY day, session_id, session_derived ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                ), ts) AS gap_ms
            FROM
            (
                SELECT *, if(event_id IS NULL, rowNumberInAllBlocks() + 1, 0) AS distinct_key
                FROM {gathered:Identifier}
                WHERE day IN {days:Array(Date)}
                ORDER BY ts, latency_ms, source_path
                LIMIT 1 BY day, event_id, distinct_key
            )
        )
    )
)
