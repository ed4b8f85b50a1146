SELECT day, inputs_sha256, rows FROM day_loads WHERE source = {source:String}
