SELECT * FROM dead_letters WHERE {source:String} = '' OR source = {source:String} ORDER BY source, source_path, item
