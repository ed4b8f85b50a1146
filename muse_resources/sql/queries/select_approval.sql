SELECT day, ts, by, content_sha256 FROM approvals WHERE day = {day:Date}
