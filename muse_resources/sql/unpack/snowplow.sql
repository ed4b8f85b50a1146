-- A JSON array of enriched events, or one event. Mobile trackers state the session in an entity, which is a list:
-- such an event gets a first key `muse` with the `session`.
arrayMap(
    event -> if(
        position(event, '"contexts_com_snowplowanalytics_snowplow_client_session_1"') = 0
            OR JSONType(event, 'contexts_com_snowplowanalytics_snowplow_client_session_1') != 'Array',
        event,
        concat(
            '{"muse":',
            toJSONString(map('session', JSONExtractString(
                event, 'contexts_com_snowplowanalytics_snowplow_client_session_1', 1, 'sessionId'))),
            ',', substring(JSONExtractRaw(event), 2))),
    if(match(document, '^\\s*\\[') AND isValidJSON(document), JSONExtractArrayRaw(document), [document]))
