-- Lines that are no event, with the reason. A time is ISO 8601 with at least hours and minutes (UTC where no offset is
-- stated), or an epoch in seconds, milli-, micro- or nanoseconds, that a Date column can hold: "10:30" or "4/5/26" would
-- have to be guessed.
SELECT
    hex(SHA256(line)) AS line_sha256,
    length(line) AS size_bytes,
    -- The line of the file that the event stands in: the event itself, or a batch of several.
    hex(<place_sha256>) AS place_sha256,
    <place_bytes> AS place_bytes,
    reason,
    count() OVER () AS total
FROM
(
    SELECT
        *,
        <ts> AS stated_ts,
        if(match(stated_ts, '^(\\d{10}(\\.\\d+)?|\\d{13}(\\.\\d+)?|\\d{16}|\\d{19}|\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])[T ]([01]\\d|2[0-3]):[0-5]\\d(:[0-5]\\d([.,]\\d+)?)? ?(Z|UTC|[+-]([01]\\d|2[0-3])(:?[0-5]\\d)?)?)$'),
            parseDateTime64BestEffortOrNull(if(
                -- Milliseconds with a fraction, as browsers have them: the engine reads whole ones.
                substring(stated_ts, 14, 1) = '.', substring(stated_ts, 1, 13), replaceOne(stated_ts, ',', '.')), 3, 'UTC'),
            NULL) AS event_ts,
        multiIf(
            match(line, '^\\s*$'), '',
            NOT isValidJSON(line), 'not valid JSON',
            NOT match(line, '^\\s*\\{'), 'not a JSON object',
            stated_ts = '', 'the mapped timestamp is missing',
            isNull(event_ts), 'the mapped timestamp is neither ISO 8601 nor an epoch',
            toDate32(event_ts) NOT BETWEEN '1970-01-01' AND '2149-06-06', 'the mapped timestamp is out of range',
            <event_type> = '', 'the mapped event type is missing',
            '') AS reason
    FROM (SELECT *, JSONExtract(line, {shape:String}) AS event, <null_lists> AS null_lists FROM <lines>)
)
WHERE reason != ''
LIMIT {most:UInt64}
