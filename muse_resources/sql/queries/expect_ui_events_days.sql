-- One row for each day with events: how many break each rule, and when the first of them happened.
-- Repeated ids are counted in one slice of all ids, so that memory stays bounded: every row of an id falls into the
-- same slice, and below two million events the slice is everything.
-- No arrays of broken rules here, as the smaller tables have them: over ten million rows they cost three times as much.
WITH (
    SELECT greatest(1, intDiv(count(), 1000000)) FROM ui_events WHERE day BETWEEN {first:Date} AND {last:Date}
) AS slices
SELECT
    day,
    count() AS rows,
    countIf(is_outside_day) AS outside_day,
    countIf(is_without_type) AS without_type,
    countIf(is_impossible_latency) AS impossible_latency,
    countIf(is_readable_user_agent) AS readable_user_agent,
    countIf(event_id, is_in_slice) - uniqExactIf(event_id, is_in_slice) AS repeated_event_id,
    map(
        'outside_day', toString(minIf(ts, is_outside_day)),
        'without_type', toString(minIf(ts, is_without_type)),
        'impossible_latency', toString(minIf(ts, is_impossible_latency)),
        'readable_user_agent', toString(minIf(ts, is_readable_user_agent))
    ) AS examples
FROM
(
    SELECT
        day, ts, event_id,
        ifNull(cityHash64(event_id) % slices = 0, false) AS is_in_slice,
        toDate(ts) != day AS is_outside_day,
        event_type = '' AS is_without_type,
        ifNull(latency_ms < 0 OR NOT isFinite(latency_ms), false) AS is_impossible_latency,
        ifNull(NOT match(user_agent, '^(other|[A-Za-z][A-Za-z ]{1,30} [0-9]{1,4})$'), false) AS is_readable_user_agent
    FROM ui_events
    WHERE day BETWEEN {first:Date} AND {last:Date}
)
GROUP BY day
ORDER BY day
