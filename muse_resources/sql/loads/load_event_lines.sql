-- JSON lines into ui_events, mapped by muse.toml. Paths are JSONPath strings; an empty one means "not stated".
INSERT INTO {target:Identifier}
    (day, ts, event_id, session_id, commit_sha, event_type, latency_ms, user_agent, metadata, source_path)
SELECT
    toDate(event_ts) AS day,
    assumeNotNull(event_ts) AS ts,
    nullIf(JSON_VALUE(line, {event_id_path:String}), '') AS event_id,
    if(native_session = '', NULL,
        reinterpretAsUUID(substring(SHA256(concat({pepper:String}, native_session)), 1, 16))) AS session_id,
    nullIf(JSON_VALUE(line, {commit_path:String}), '') AS commit_sha,
    JSON_VALUE(line, {event_type_path:String}) AS event_type,
    toFloat64OrNull(JSON_VALUE(line, {latency_path:String})) AS latency_ms,
    multiIf(
        agent = '', NULL,
        match(agent, 'Edg/'), concat('Edge ', extract(agent, 'Edg/(\\d+)')),
        match(agent, 'OPR/'), concat('Opera ', extract(agent, 'OPR/(\\d+)')),
        match(agent, 'Firefox/'), concat('Firefox ', extract(agent, 'Firefox/(\\d+)')),
        match(agent, 'Chrome/'), concat('Chrome ', extract(agent, 'Chrome/(\\d+)')),
        match(agent, 'Version/\\d+.*Safari'), concat('Safari ', extract(agent, 'Version/(\\d+)')),
        'other') AS user_agent,
    mapFromArrays({metadata_keys:Array(String)},
        arrayMap(key -> JSONExtractString(line, key), {metadata_keys:Array(String)})) AS metadata,
    {source_path:String} AS source_path
FROM
(
    SELECT
        line,
        JSON_VALUE(line, {ts_path:String}) AS stated_ts,
        multiIf(
            match(stated_ts, '^\\d{13}$'), fromUnixTimestamp64Milli(toInt64OrZero(stated_ts), 'UTC'),
            match(stated_ts, '^\\d{10}$'), toDateTime64(toInt64OrZero(stated_ts), 3, 'UTC'),
            parseDateTime64BestEffortOrNull(stated_ts, 3, 'UTC')) AS event_ts,
        JSON_VALUE(line, {session_path:String}) AS native_session,
        JSON_VALUE(line, {user_agent_path:String}) AS agent
    FROM {lines:Identifier}
    WHERE isValidJSON(line)
)
WHERE event_ts IS NOT NULL AND event_type != '' AND toDate(event_ts) BETWEEN {first:Date} AND {last:Date}
