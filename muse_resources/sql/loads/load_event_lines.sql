-- JSON lines into ui_events, mapped by muse.toml. Paths are JSONPath strings. JSON_VALUE gives '' for what is not
-- there and 'null' for a JSON null: both mean "not stated".
-- What is a time: see select_refused_lines.sql, which refuses exactly the lines that this load leaves out.
INSERT INTO {target:Identifier}
    (day, ts, event_id, session_id, commit_sha, event_type, latency_ms, user_agent, metadata, source_path)
SELECT
    toDate(event_ts) AS day,
    assumeNotNull(event_ts) AS ts,
    if(native_id IN ('', 'null'), NULL, native_id) AS event_id,
    if(native_session IN ('', 'null'), NULL,
        reinterpretAsUUID(substring(SHA256(concat({pepper:String}, native_session)), 1, 16))) AS session_id,
    if(native_commit IN ('', 'null'), NULL, native_commit) AS commit_sha,
    native_type AS event_type,
    if(isFinite(stated_latency) AND stated_latency >= 0, stated_latency, NULL) AS latency_ms,
    multiIf(
        agent IN ('', 'null'), NULL,
        match(agent, 'Edg/\\d'), concat('Edge ', extract(agent, 'Edg/(\\d+)')),
        match(agent, 'OPR/\\d'), concat('Opera ', extract(agent, 'OPR/(\\d+)')),
        match(agent, 'Firefox/\\d'), concat('Firefox ', extract(agent, 'Firefox/(\\d+)')),
        match(agent, 'Chrome/\\d'), concat('Chrome ', extract(agent, 'Chrome/(\\d+)')),
        match(agent, 'Version/\\d+.*Safari'), concat('Safari ', extract(agent, 'Version/(\\d+)')),
        'other') AS user_agent,
    mapFilter((key, stated) -> stated != '', mapFromArrays({metadata_keys:Array(String)}, arrayMap(
        raw -> multiIf(
            JSONType(raw) = 'String', JSONExtractString(raw),
            JSONType(raw) IN ('Int64', 'UInt64', 'Double', 'Bool'), raw,
            ''),
        arrayMap(key -> arrayFold((inner, part) -> JSONExtractRaw(inner, part), splitByChar('.', key), line),
            {metadata_keys:Array(String)})))) AS metadata,
    {source_path:String} AS source_path
FROM
(
    SELECT
        line,
        JSON_VALUE(line, {ts_path:String}) AS stated_ts,
        if(match(stated_ts, '^(\\d{10}(\\.\\d+)?|\\d{13}|\\d{16}|\\d{19}|\\d{4}-\\d{2}-\\d{2}[T ]\\d{2}:\\d{2}.*)$'),
            parseDateTime64BestEffortOrNull(stated_ts, 3, 'UTC'), NULL) AS event_ts,
        JSON_VALUE(line, {event_id_path:String}) AS native_id,
        JSON_VALUE(line, {event_type_path:String}) AS native_type,
        JSON_VALUE(line, {commit_path:String}) AS native_commit,
        toFloat64OrNull(JSON_VALUE(line, {latency_path:String})) AS stated_latency,
        JSON_VALUE(line, {session_path:String}) AS native_session,
        JSON_VALUE(line, {user_agent_path:String}) AS agent
    FROM {lines:Identifier}
    WHERE isValidJSON(line)
)
WHERE toDate32(event_ts) BETWEEN {first:Date} AND {last:Date} AND native_type NOT IN ('', 'null')
