-- {"batch": [event, ...]} as SDKs send it, a JSON array of events, or one event.
-- What a batch states as its `context` holds for each of its events that does not state it itself: of two equal keys the
-- first is read.
-- What is not JSON is handed on: the mapping refuses it with its reason.
multiIf(
    match(document, '^\\s*\\[') AND isValidJSON(document), JSONExtractArrayRaw(document),
    position(document, '"batch"') > 0 AND JSONType(document, 'batch') = 'Array', if(
        JSONType(document, 'context') != 'Object' OR JSONLength(document, 'context') = 0,
        JSONExtractArrayRaw(document, 'batch'),
        arrayMap(
            (event, shared, own) -> if(
                JSONType(event) != 'Object' OR JSONLength(event) = 0,
                event,
                concat(
                    '{"context":',
                    if(startsWith(own, '{') AND own != '{}', concat(substring(own, 1, length(own) - 1), ','), '{'),
                    substring(shared, 2), ',', substring(JSONExtractRaw(event), 2))),
            JSONExtractArrayRaw(document, 'batch'),
            arrayWithConstant(
                length(JSONExtractArrayRaw(document, 'batch')), JSONExtractRaw(document, 'context')),
            arrayMap(event -> JSONExtractRaw(event, 'context'), JSONExtractArrayRaw(document, 'batch')))),
    [document])
