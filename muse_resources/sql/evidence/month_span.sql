-- The month's name, its digest's name, its first and its last finished day; no row where none is finished.
-- `field` may name several, separated by commas: a row answers each.
SELECT
    'episodes' AS table, concat(toString(first_day), ' to ', toString(last_day)) AS row_id, toDateTime64(first_day, 3, 'UTC') AS ts,
    CAST(NULL AS Nullable(String)) AS commit_sha, 'episodes of the month' AS source, '' AS segment,
    CAST(NULL AS Nullable(Float64)) AS value, CAST(NULL AS Nullable(Float64)) AS pair,
    CAST(multiIf(
        field = 'name', concat(monthName(first_day), ' ', toString(toYear(first_day))),
        field = 'digest', concat('digest-', substring(toString(first_day), 1, 7)),
        field = 'first', toString(first_day),
        field = 'last', toString(last_day),
        NULL) AS Nullable(String)) AS text,
    field
FROM
(
    SELECT min(day) AS first_day, max(day) AS last_day
    FROM episodes
    WHERE day BETWEEN {first:Date} AND {last:Date} AND lang = 'en'
        AND episodes.ts >= toDateTime64(day + 1, 3, 'UTC') AND status != 'approved'
    HAVING count() > 0
)
ARRAY JOIN splitByChar(',', {field:String}) AS field
