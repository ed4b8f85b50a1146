-- {"batch": [event, ...]} as the capture API takes it, a JSON array of events, or one event.
-- An export to Parquet makes a text of the properties: they become an object again.
arrayMap(
    event -> if(
        JSONType(event, 'properties') = 'String' AND isValidJSON(JSONExtractString(event, 'properties')),
        concat('{', arrayStringConcat(arrayMap(
            pair -> concat(
                toJSONString(pair.1), ':',
                if(pair.1 = 'properties', JSONExtractRaw(JSONExtractString(pair.2)), pair.2)),
            JSONExtractKeysAndValuesRaw(event)), ','), '}'),
        event),
    multiIf(
        match(document, '^\\s*\\[') AND isValidJSON(document), JSONExtractArrayRaw(document),
        position(document, '"batch"') > 0 AND JSONType(document, 'batch') = 'Array',
            JSONExtractArrayRaw(document, 'batch'),
        [document]))
