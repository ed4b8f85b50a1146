-- Whether there may be such days at all: see select_unsettled_days.sql. Without a GROUP BY all threads merge one set of
-- ids, which is quicker than a set for each thread and day.
SELECT
    count(event_id) != uniqExactIf(cityHash64(day, event_id), event_id IS NOT NULL)
    OR countIf(session_id IS NOT NULL AND (session_derived OR {number_sessions:Bool})) > 0 AS is_unsettled
FROM {gathered:Identifier}
