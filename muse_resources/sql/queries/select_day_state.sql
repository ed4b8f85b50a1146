-- What an episode of the day is built from: everything that was loaded up to its end, and what a person has decided.
SELECT hex(SHA256(arrayStringConcat(arraySort(groupArray(line)), '\n'))) AS state
FROM
(
    SELECT concat(source, ' ', toString(day), ' ', inputs_sha256) AS line
    FROM loaded_days FINAL
    WHERE day <= {day:Date} AND source != 'commits'
    UNION ALL
    SELECT concat(repository, ' ', commit_sha) FROM commits WHERE day <= {day:Date}
    UNION ALL
    SELECT concat('override ', reason) FROM overrides WHERE day = {day:Date}
    UNION ALL
    SELECT concat('approval ', content_sha256) FROM approvals WHERE day = {day:Date}
)
