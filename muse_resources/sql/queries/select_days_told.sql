-- Days that need no further build: held, quiet or left to a person, or on the site as they were published.
SELECT day
FROM episodes
WHERE day BETWEEN {first:Date} AND {last:Date} AND lang = 'en' AND ts >= toDateTime64(day + 1, 3, 'UTC')
    AND (
        status NOT IN ('approved', 'published')
        OR (status = 'published' AND day IN (
            SELECT day
            FROM deployments
            WHERE status != 'error' AND (day, commit_sha) IN (SELECT day, commit_sha FROM publications)
        ))
    )
ORDER BY day
