-- The same commits whenever it is asked.
SELECT concat(repository, ' ', commit_sha) AS id, leftUTF8(subject, 2000) AS text
FROM commits
WHERE day BETWEEN {first:Date} AND {last:Date}
ORDER BY cityHash64(commit_sha), repository, commit_sha
LIMIT {sample_rows:UInt32}
