SELECT day, inputs_sha256, rows FROM loaded_days FINAL WHERE source = {source:String}
