-- One row for each native event id, the earliest; events without an id are all kept.
INSERT INTO {target:Identifier}
SELECT * EXCEPT (distinct_key)
FROM
(
    SELECT *, ifNull(event_id, concat('no id ', toString(rowNumberInAllBlocks()))) AS distinct_key
    FROM {gathered:Identifier}
    WHERE day BETWEEN {first:Date} AND {last:Date}
)
ORDER BY ts, source_path
LIMIT 1 BY distinct_key
