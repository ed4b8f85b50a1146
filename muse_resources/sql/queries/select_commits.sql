SELECT repository, commit_sha, ts, author_hash, subject, files_changed, insertions, deletions, paths, parents
FROM commits
WHERE repository = {repository:String} AND day BETWEEN {first:Date} AND {last:Date}
ORDER BY ts, commit_sha
