-- {"resourceSpans": [{"resource", "scopeSpans": [{"scope", "spans": [...]}]}]} as one flat event a span.
-- Attributes become objects whose keys keep their dots; of their values, texts, numbers and booleans are read, and
-- whole numbers stay the texts that OTLP makes of them. A time of 0 is not known: it becomes ''.
-- `name` ends where an address in it has its query or fragment, and loses the user of an address: browsers name a
-- navigation by the whole address.
-- `id` joins the ids of trace and span, '' when either is empty or zero; `durationNano` is '' when the end is not known
-- or lies before the start, and when the start is so small that it is in milliseconds, say; the message of the status is
-- left out, it is free text.
-- Until 2022 `scopeSpans` was `instrumentationLibrarySpans`, and printers of protobuf name enumerations by their words.
-- A document without `resourceSpans` is handed on: the mapping refuses it with its reason.
if(
    JSONType(document, 'resourceSpans') != 'Array',
    [document],
    arrayFlatten(arrayMap(
        (group, parts, resource) -> arrayMap(
            (part, scope) -> arrayMap(
                record -> concat(
                    '{"timeUnixNano":', toJSONString(replaceRegexpOne(
                        JSONExtractString(record, 'startTimeUnixNano'), '^0+$', '')),
                    ',"name":', toJSONString(replaceRegexpOne(
                        replaceRegexpOne(JSONExtractString(record, 'name'), '://[^/?#\\s]*@', '://'),
                        '(/[^?#\\s]*)[?#][\\s\\S]*', '\\1')),
                    ',"id":', toJSONString(if(
                        match(JSONExtractString(record, 'traceId'), '^0*$')
                            OR match(JSONExtractString(record, 'spanId'), '^0*$'), '',
                        lower(concat(JSONExtractString(record, 'traceId'), '-', JSONExtractString(record, 'spanId'))))),
                    ',"parentSpanId":', toJSONString(lower(JSONExtractString(record, 'parentSpanId'))),
                    ',"kind":', toString(greatest(JSONExtractInt(record, 'kind'), toInt64(indexOf(
                        ['SPAN_KIND_INTERNAL', 'SPAN_KIND_SERVER', 'SPAN_KIND_CLIENT', 'SPAN_KIND_PRODUCER',
                            'SPAN_KIND_CONSUMER'],
                        JSONExtractString(record, 'kind'))))),
                    ',"status":', toString(greatest(JSONExtractInt(record, 'status', 'code'), toInt64(indexOf(
                        ['STATUS_CODE_OK', 'STATUS_CODE_ERROR'], JSONExtractString(record, 'status', 'code'))))),
                    ',"durationNano":', toJSONString(if(
                        JSONExtractUInt(record, 'startTimeUnixNano') < 1000000000000000000
                            OR JSONExtractUInt(record, 'endTimeUnixNano')
                                < JSONExtractUInt(record, 'startTimeUnixNano'), '',
                        toString(JSONExtractUInt(record, 'endTimeUnixNano')
                            - JSONExtractUInt(record, 'startTimeUnixNano')))),
                    ',"attributes":',
                    concat('{', arrayStringConcat(arrayMap(
                        pair -> concat(
                            toJSONString(JSONExtractString(pair, 'key')), ':',
                            arrayFirst(value -> value != '', [arrayFirst(
                                stated -> stated.1 IN ('stringValue', 'boolValue', 'doubleValue', 'intValue'),
                                JSONExtractKeysAndValuesRaw(pair, 'value')).2, 'null'])),
                        JSONExtractArrayRaw(record, 'attributes')), ','), '}'),
                    ',"scope":', scope, ',"resource":', resource, '}'),
                JSONExtractArrayRaw(part, 'spans')),
            parts,
            arrayMap(part -> toJSONString(concat(
                JSONExtractString(part, 'scope', 'name'), JSONExtractString(part, 'instrumentationLibrary', 'name'))),
                parts)),
        JSONExtractArrayRaw(document, 'resourceSpans'),
        arrayMap(
            group -> if(
                JSONLength(group, 'scopeSpans') > 0, JSONExtractArrayRaw(group, 'scopeSpans'),
                JSONExtractArrayRaw(group, 'instrumentationLibrarySpans')),
            JSONExtractArrayRaw(document, 'resourceSpans')),
        arrayMap(
            group ->
                concat('{', arrayStringConcat(arrayMap(
                    pair -> concat(
                        toJSONString(JSONExtractString(pair, 'key')), ':',
                        arrayFirst(value -> value != '', [arrayFirst(
                            stated -> stated.1 IN ('stringValue', 'boolValue', 'doubleValue', 'intValue'),
                            JSONExtractKeysAndValuesRaw(pair, 'value')).2, 'null'])),
                    JSONExtractArrayRaw(group, 'resource', 'attributes')), ','), '}'),
            JSONExtractArrayRaw(document, 'resourceSpans')))))
