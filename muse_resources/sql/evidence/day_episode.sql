-- `field` may name several, separated by commas: a row answers each.
SELECT
    'episodes' AS table, toString(day) AS row_id, toDateTime64(day, 3, 'UTC') AS ts, hearts_commit AS commit_sha,
    'episodes of the day' AS source, toString(status) AS segment,
    CAST(NULL AS Nullable(Float64)) AS value, CAST(NULL AS Nullable(Float64)) AS pair,
    CAST(multiIf(
        field = 'day', toString(day),
        field = 'title', title,
        field = 'post', concat(toString(series), '/ep-', if(episode < 1000, leftPad(toString(episode), 3, '0'), toString(episode))),
        NULL) AS Nullable(String)) AS text,
    field
FROM episodes
ARRAY JOIN splitByChar(',', {field:String}) AS field
WHERE day = {day:Date} AND lang = 'en'
