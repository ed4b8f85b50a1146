-- {"batch": [event, ...]} as the capture API takes it, a JSON array of events, or one event.
-- An export to Parquet makes a text of the properties: they become an object again.
-- Libraries that set no cookies call everybody `$posthog_cookieless` until PostHog tells them apart: that names nobody.
arrayMap(
    event -> if(
        JSONType(event, 'properties') = 'String' AND isValidJSON(JSONExtractString(event, 'properties')),
        concat('{', arrayStringConcat(arrayMap(
            pair -> concat(
                toJSONString(pair.1), ':',
                if(pair.1 = 'properties', JSONExtractRaw(JSONExtractString(pair.2)), pair.2)),
            JSONExtractKeysAndValuesRaw(event)), ','), '}'),
        event),
    arrayMap(
        event -> if(
            position(event, '"$posthog_cookieless"') = 0,
            event,
            replaceRegexpAll(event, '([:,\\[\\s])"\\$posthog_cookieless"(\\s*[,}\\]])', '\\1null\\2')),
        multiIf(
            match(document, '^\\s*\\[') AND isValidJSON(document), JSONExtractArrayRaw(document),
            position(document, '"batch"') > 0 AND JSONType(document, 'batch') = 'Array',
                JSONExtractArrayRaw(document, 'batch'),
            [document])))
