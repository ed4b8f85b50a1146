-- One row a day for each native event id, the earliest (a day must not depend on which others load with it); events without an id are all kept.
INSERT INTO {target:Identifier}
SELECT * EXCEPT (distinct_key)
FROM
(
    SELECT *, ifNull(event_id, concat('no id ', toString(rowNumberInAllBlocks()))) AS distinct_key
    FROM {gathered:Identifier}
    WHERE day BETWEEN {first:Date} AND {last:Date}
)
ORDER BY ts, source_path
LIMIT 1 BY day, distinct_key
