SELECT day, source, rows, files FROM day_loads WHERE day BETWEEN {first:Date} AND {last:Date} AND source = {source:String} ORDER BY day
