-- {"resourceLogs": [{"resource", "scopeLogs": [{"scope", "logRecords": [...]}]}]} as one flat event a log record.
-- Attributes become objects whose keys keep their dots; of their values, texts, numbers and booleans are read, and
-- whole numbers stay the texts that OTLP makes of them. A time of 0 is not known: it becomes ''.
-- Until 2022 `scopeLogs` was `instrumentationLibraryLogs`, `eventName` was `name`, and at first `logRecords` was `logs`.
-- A document without `resourceLogs` is handed on: the mapping refuses it with its reason.
if(
    JSONType(document, 'resourceLogs') != 'Array',
    [document],
    arrayFlatten(arrayMap(
        (group, parts, resource) -> arrayMap(
            (part, scope) -> arrayMap(
                record -> concat(
                    '{"timeUnixNano":', toJSONString(replaceRegexpOne(
                        JSONExtractString(record, 'timeUnixNano'), '^0+$', '')),
                    ',"observedTimeUnixNano":', toJSONString(replaceRegexpOne(
                        JSONExtractString(record, 'observedTimeUnixNano'), '^0+$', '')),
                    ',"name":', toJSONString(if(JSONExtractString(record, 'eventName') != '',
                        JSONExtractString(record, 'eventName'), JSONExtractString(record, 'name'))),
                    ',"severityNumber":', toString(JSONExtractInt(record, 'severityNumber')),
                    ',"severityText":', toJSONString(JSONExtractString(record, 'severityText')),
                    ',"traceId":', toJSONString(lower(JSONExtractString(record, 'traceId'))),
                    ',"spanId":', toJSONString(lower(JSONExtractString(record, 'spanId'))),
                    ',"body":', if(
                        JSONType(record, 'body', 'kvlistValue', 'values') = 'Array',
                        concat('{', arrayStringConcat(arrayMap(
                            pair -> concat(
                                toJSONString(JSONExtractString(pair, 'key')), ':',
                                arrayFirst(value -> value != '', [arrayFirst(
                                    stated -> stated.1 IN ('stringValue', 'boolValue', 'doubleValue', 'intValue'),
                                    JSONExtractKeysAndValuesRaw(pair, 'value')).2, 'null'])),
                            JSONExtractArrayRaw(record, 'body', 'kvlistValue', 'values')), ','), '}'),
                        toJSONString(JSONExtractString(record, 'body', 'stringValue'))),
                    ',"attributes":',
                    concat('{', arrayStringConcat(arrayMap(
                        pair -> concat(
                            toJSONString(JSONExtractString(pair, 'key')), ':',
                            arrayFirst(value -> value != '', [arrayFirst(
                                stated -> stated.1 IN ('stringValue', 'boolValue', 'doubleValue', 'intValue'),
                                JSONExtractKeysAndValuesRaw(pair, 'value')).2, 'null'])),
                        JSONExtractArrayRaw(record, 'attributes')), ','), '}'),
                    ',"scope":', scope, ',"resource":', resource, '}'),
                if(JSONLength(part, 'logRecords') > 0, JSONExtractArrayRaw(part, 'logRecords'),
                    JSONExtractArrayRaw(part, 'logs'))),
            parts,
            arrayMap(part -> toJSONString(concat(
                JSONExtractString(part, 'scope', 'name'), JSONExtractString(part, 'instrumentationLibrary', 'name'))),
                parts)),
        JSONExtractArrayRaw(document, 'resourceLogs'),
        arrayMap(
            group -> if(
                JSONLength(group, 'scopeLogs') > 0, JSONExtractArrayRaw(group, 'scopeLogs'),
                JSONExtractArrayRaw(group, 'instrumentationLibraryLogs')),
            JSONExtractArrayRaw(document, 'resourceLogs')),
        arrayMap(
            group ->
                concat('{', arrayStringConcat(arrayMap(
                    pair -> concat(
                        toJSONString(JSONExtractString(pair, 'key')), ':',
                        arrayFirst(value -> value != '', [arrayFirst(
                            stated -> stated.1 IN ('stringValue', 'boolValue', 'doubleValue', 'intValue'),
                            JSONExtractKeysAndValuesRaw(pair, 'value')).2, 'null'])),
                    JSONExtractArrayRaw(group, 'resource', 'attributes')), ','), '}'),
            JSONExtractArrayRaw(document, 'resourceLogs')))))
