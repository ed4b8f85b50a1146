-- {"batch": [event, ...]} as SDKs send it, a JSON array of events, or one event.
-- What is not JSON is handed on: the mapping refuses it with its reason.
multiIf(
    match(document, '^\\s*\\[') AND isValidJSON(document), JSONExtractArrayRaw(document),
    position(document, '"batch"') > 0 AND JSONType(document, 'batch') = 'Array', JSONExtractArrayRaw(document, 'batch'),
    [document])
