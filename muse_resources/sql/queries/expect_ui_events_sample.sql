-- A sample spread over the days by the hash of its instants: one narrow column is read of every event, the others of
-- the sample. It is the same whenever it is asked, but for events of one type in one millisecond.
SELECT
    concat(toString(ts), ' of ', source_path) AS id,
    event_type,
    commit_sha,
    leftUTF8(arrayStringConcat(arrayConcat([event_type], mapValues(metadata)), '\n'), 2000) AS text
FROM ui_events
WHERE day BETWEEN {first:Date} AND {last:Date}
ORDER BY intHash64(toUnixTimestamp64Milli(ts)), event_type
LIMIT {sample_rows:UInt32}
