SELECT hex(SHA256(line)) AS line_sha256, length(line) AS size_bytes, reason
FROM
(
    SELECT
        line,
        JSON_VALUE(line, {ts_path:String}) AS stated_ts,
        multiIf(
            trimBoth(line) = '', '',
            NOT isValidJSON(line), 'not valid JSON',
            stated_ts = '', 'the mapped timestamp is missing',
            NOT match(stated_ts, '^(\\d{10}|\\d{13})$') AND isNull(parseDateTime64BestEffortOrNull(stated_ts, 3, 'UTC')),
                'the mapped timestamp is not a time',
            JSON_VALUE(line, {event_type_path:String}) = '', 'the mapped event type is missing',
            '') AS reason
    FROM {lines:Identifier}
)
WHERE reason != ''
