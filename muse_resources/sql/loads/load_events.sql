-- Events into ui_events. Each line is parsed once, into the tuple of the mapped fields; <...> are expressions made of
-- the mapping. What a line does not state reads as '': JSONExtract gives that for what is not there and for null.
-- What is an event: see select_refused_events.sql, which finds exactly the lines that this load leaves out.
INSERT INTO {target:Identifier}
    (day, ts, event_id, session_id, session_derived, commit_sha, event_type, latency_ms, user_agent, metadata, source_path)
SELECT
    toDate(event_ts) AS day,
    assumeNotNull(event_ts) AS ts,
    nullIf(native_id, '') AS event_id,
    multiIf(
        native_session != '', reinterpretAsUUID(sipHash128ReferenceKeyed(({hash_key_1:UInt64}, {hash_key_2:UInt64}), native_session)),
        native_actor != '', reinterpretAsUUID(sipHash128ReferenceKeyed(({hash_key_1:UInt64}, {hash_key_2:UInt64}), native_actor)),
        NULL) AS session_id,
    native_session = '' AND native_actor != '' AS session_derived,
    -- A branch or a version is not a commit.
    if(length(native_commit) = 40 AND match(native_commit, '^[0-9a-fA-F]+$'), lower(native_commit), NULL) AS commit_sha,
    native_type AS event_type,
    if(isFinite(stated_latency / {latency_divisor:Float64} AS milliseconds) AND milliseconds >= 0, milliseconds, NULL) AS latency_ms,
    multiIf(
        agent = '', NULL,
        match(agent, 'Edg(?:e|A|iOS)?/\\d'), concat('Edge ', extract(agent, 'Edg(?:e|A|iOS)?/(\\d+)')),
        match(agent, 'OPR/\\d'), concat('Opera ', extract(agent, 'OPR/(\\d+)')),
        match(agent, 'SamsungBrowser/\\d'), concat('Samsung Internet ', extract(agent, 'SamsungBrowser/(\\d+)')),
        match(agent, '(?:Firefox|FxiOS)/\\d'), concat('Firefox ', extract(agent, '(?:Firefox|FxiOS)/(\\d+)')),
        match(agent, '(?:Chrome|CriOS)/\\d'), concat('Chrome ', extract(agent, '(?:Chrome|CriOS)/(\\d+)')),
        match(agent, 'Version/\\d+.*Safari'), concat('Safari ', extract(agent, 'Version/(\\d+)')),
        'other') AS user_agent,
    mapFilter((key, stated) -> stated != '', <metadata>) AS metadata,
    source_path
FROM
(
    SELECT
        event,
        null_lists,
        source_path,
        <ts> AS stated_ts,
        if(match(stated_ts, '^(\\d{10}(\\.\\d+)?|\\d{13}(\\.\\d+)?|\\d{16}|\\d{19}|\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])[T ]([01]\\d|2[0-3]):[0-5]\\d(:[0-5]\\d([.,]\\d+)?)? ?(Z|UTC|[+-]([01]\\d|2[0-3])(:?[0-5]\\d)?)?)$'),
            parseDateTime64BestEffortOrNull(if(
                -- Milliseconds with a fraction, as browsers have them: the engine reads whole ones.
                substring(stated_ts, 14, 1) = '.', substring(stated_ts, 1, 13), replaceOne(stated_ts, ',', '.')), 3, 'UTC'),
            NULL) AS event_ts,
        <event_id> AS native_id,
        <event_type> AS native_type,
        <commit> AS native_commit,
        toFloat64OrNull(<latency>) AS stated_latency,
        <session> AS native_session,
        <actor> AS native_actor,
        toLowCardinality(<user_agent>) AS agent
    FROM
    (
        SELECT JSONExtract(line, {shape:String}) AS event, <null_lists> AS null_lists, source_path
        FROM <lines>
        WHERE if(startsWith(line, '{'), true, match(line, '^\\s*\\{'))
    )
)
WHERE toDate32(event_ts) BETWEEN {first:Date} AND {last:Date} AND native_type != ''
