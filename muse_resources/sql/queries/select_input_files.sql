SELECT source_path, reading_id, read_at, sha256, reader, size_bytes, modified_ns, days, refused, again, missing
FROM input_files
WHERE source = {source:String}
ORDER BY source_path, read_at DESC, reading_id DESC
LIMIT 1 BY source_path
