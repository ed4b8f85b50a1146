-- The search API's {"data": [stored event, ...]}, a JSON array of events, or one event; a stored event's own
-- attributes lie two levels deep, its service may stand beside them only. Each event gets a first key `muse`:
--   type             the event's type, with the action's own: action.click; what a view grew by is of the type view
--   id               the id under the event's type: an action's id also stands in its errors, a view's id in all
--   time             what the API states as the event's time
--   duration         how long the user waited, in nanoseconds: until an action or a view was loaded
--   commit           the tag git.commit.sha
arrayMap(
    (event, stored_id, stored_time, tags, type) -> if(
        JSONType(event) != 'Object' OR JSONLength(event) = 0,
        event,
        concat(
            '{"muse":',
            toJSONString(map(
                'type', concat(
                    type,
                    if(type = 'action' AND JSONType(event, 'action', 'type') = 'String'
                            AND JSONExtractString(event, 'action', 'type') != '',
                        concat('.', JSONExtractString(event, 'action', 'type')), '')),
                'id', if(JSONExtractString(event, type, 'id') != '', JSONExtractString(event, type, 'id'), stored_id),
                'time', stored_time,
                'duration', if(type IN ('action', 'view'), JSONExtractString(event, type, 'loading_time'), ''),
                'commit', extract(
                    concat(tags, ' ', JSONExtractString(event, 'ddtags')), 'git\\.commit\\.sha:([0-9a-fA-F]{40})'))),
            ',', substring(JSONExtractRaw(event), 2))),
    arrayMap(
        stored -> (
            stored.1, stored.2, stored.3, stored.4,
            replaceRegexpOne(JSONExtractString(stored.1, 'type'), '^view_update$', 'view')),
        arrayMap(
            event -> (
                if(JSONType(event, 'attributes', 'attributes') = 'Object',
                    if(JSONType(event, 'attributes', 'service') = 'String'
                            AND JSONLength(event, 'attributes', 'attributes') > 0,
                        concat(
                            substring(
                                JSONExtractRaw(event, 'attributes', 'attributes'), 1,
                                length(JSONExtractRaw(event, 'attributes', 'attributes')) - 1),
                            ',"service":', JSONExtractRaw(event, 'attributes', 'service'), '}'),
                        JSONExtractRaw(event, 'attributes', 'attributes')),
                    event),
                JSONExtractString(event, 'id'),
                JSONExtractString(event, 'attributes', 'timestamp'),
                JSONExtractRaw(event, 'attributes', 'tags')),
            multiIf(
                match(document, '^\\s*\\[') AND isValidJSON(document), JSONExtractArrayRaw(document),
                JSONType(document, 'data') = 'Array', JSONExtractArrayRaw(document, 'data'),
                [document]))))
