SELECT day, source, rows, files FROM loaded_days FINAL WHERE day BETWEEN {first:Date} AND {last:Date} AND source = {source:String} ORDER BY day
