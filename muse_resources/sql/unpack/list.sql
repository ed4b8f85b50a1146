-- A JSON array of events, or one event. What is not JSON is handed on: the mapping refuses it with its reason.
if(match(document, '^\\s*\\[') AND isValidJSON(document), JSONExtractArrayRaw(document), [document])
