-- Of each input file, what its newest reading refused.
SELECT DISTINCT *
FROM dead_letters
WHERE ({source:String} = '' OR source = {source:String})
    AND reading_id IN
    (
        SELECT argMax(reading_id, (read_at, reading_id))
        FROM input_files
        GROUP BY source, source_path
    )
ORDER BY source, source_path, item
