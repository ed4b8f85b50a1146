-- One row for each day with commits: how many break each rule, and the first of them for each rule.
SELECT
    day,
    count() AS rows,
    countIf(has(broken, 'outside_day')) AS outside_day,
    countIf(has(broken, 'malformed_sha')) AS malformed_sha,
    countIf(has(broken, 'repeated_commit')) AS repeated_commit,
    countIf(has(broken, 'without_repository')) AS without_repository,
    countIf(has(broken, 'readable_author')) AS readable_author,
    CAST(minMap(broken, arrayMap(rule -> id, broken)), 'Map(String, String)') AS examples
FROM
(
    SELECT
        day,
        concat(repository, ' ', commit_sha) AS id,
        arrayMap(rule -> rule.1, arrayFilter(rule -> rule.2, [
            ('outside_day', toDate(ts) != day),
            ('malformed_sha', NOT match(commit_sha, '^([0-9a-f]{40}|[0-9a-f]{64})$')),
            ('repeated_commit', count() OVER (PARTITION BY repository, commit_sha) > 1),
            ('without_repository', repository = ''),
            ('readable_author', ifNull(NOT match(author_hash, '^[0-9a-f]{16,64}$'), false))
        ])) AS broken
    FROM commits
    WHERE day BETWEEN {first:Date} AND {last:Date}
)
GROUP BY day
ORDER BY day
