-- What counts against a UTC day's budget: the real cost of a call where it is known, else the most it can have cost.
SELECT sum(counted_usd) AS counted_usd
FROM
(
    SELECT call_id, if(max(is_settled), maxIf(usd, is_settled), max(usd)) AS counted_usd
    FROM
    (
        SELECT call_id, false AS is_settled, worst_usd AS usd FROM llm_reservations WHERE day = {day:Date}
        UNION ALL
        SELECT call_id, true, ifNull(cost_usd, reserved_usd) FROM llm_events WHERE day = {day:Date}
    )
    GROUP BY call_id
)
