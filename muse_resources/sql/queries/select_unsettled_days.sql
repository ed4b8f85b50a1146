-- Days with an event id that may have come twice (its 64-bit hash has), or with sessions that are to be numbered.
SELECT day
FROM {gathered:Identifier}
GROUP BY day
HAVING count(event_id) != uniqExactIf(cityHash64(event_id), event_id IS NOT NULL)
    OR countIf(session_id IS NOT NULL AND (session_derived OR {number_sessions:Bool})) > 0
ORDER BY day
