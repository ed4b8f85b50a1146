-- A JSON array of enriched events, or one event. Mobile trackers state the session in an entity, which is a list:
-- such an event gets a first key `muse` with the `session`. Loaders that write Parquet name the entity's fields in snake
-- case. An id of zeros names nobody: collectors write it for everybody who is tracked anonymously.
arrayMap(
    event -> if(
        position(event, '"contexts_com_snowplowanalytics_snowplow_client_session_1"') = 0
            OR JSONType(event, 'contexts_com_snowplowanalytics_snowplow_client_session_1') != 'Array',
        event,
        concat(
            '{"muse":',
            toJSONString(map('session', concat(
                JSONExtractString(
                    event, 'contexts_com_snowplowanalytics_snowplow_client_session_1', 1, 'sessionId'),
                JSONExtractString(
                    event, 'contexts_com_snowplowanalytics_snowplow_client_session_1', 1, 'session_id')))),
            ',', substring(JSONExtractRaw(event), 2))),
    arrayMap(
        event -> if(
            position(event, '"00000000-0000-0000-0000-000000000000"') = 0,
            event,
            replaceRegexpAll(
                event, '([:,\\[\\s])"00000000-0000-0000-0000-000000000000"(\\s*[,}\\]])', '\\1null\\2')),
        if(match(document, '^\\s*\\[') AND isValidJSON(document), JSONExtractArrayRaw(document), [document])))
