SELECT * FROM findings WHERE day BETWEEN {first:Date} AND {last:Date} ORDER BY day, toUInt32(substring(finding_id, 2))
