-- {"batch": [event, ...]} as SDKs send it, a JSON array of events, or one event. Each event gets a first key `muse`:
--   type     `event` of a track call, else the call, in lower case: whoever calls the API by hand may write Track. SDKs
--            for mobiles put a screen's name into `event`, too
--   session  `context.sessionId` with the device's id: the former is a time, which two devices can share
arrayMap(
    event -> if(
        JSONType(event) != 'Object' OR JSONLength(event) = 0,
        event,
        concat(
            '{"muse":',
            toJSONString(map(
                'type', if(lower(JSONExtractString(event, 'type')) = 'track',
                    JSONExtractString(event, 'event'), lower(JSONExtractString(event, 'type'))),
                'session', if(NOT match(JSONExtractString(event, 'context', 'sessionId'), '^[^\\[{]'), '', concat(
                    JSONExtractString(event, 'context', 'sessionId'), ' ',
                    if(JSONExtractString(event, 'anonymousId') != '',
                        JSONExtractString(event, 'anonymousId'), JSONExtractString(event, 'userId')))))),
            ',', substring(JSONExtractRaw(event), 2))),
    multiIf(
        match(document, '^\\s*\\[') AND isValidJSON(document), JSONExtractArrayRaw(document),
        position(document, '"batch"') > 0 AND JSONType(document, 'batch') = 'Array',
            JSONExtractArrayRaw(document, 'batch'),
        [document]))
