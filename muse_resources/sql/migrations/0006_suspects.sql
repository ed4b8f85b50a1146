-- What makes commits a graph, and why each suspect of a finding stands where it does.

ALTER TABLE commits ADD COLUMN IF NOT EXISTS parents Array(String) COMMENT 'empty for the first commit, and for rows stored before parents were kept' AFTER paths;
ALTER TABLE findings MODIFY COLUMN IF EXISTS suspect_commits Array(String) COMMENT 'in the first bad measurement and not in the last good one, the first to look at first';
ALTER TABLE findings ADD COLUMN IF NOT EXISTS suspect_touches Array(String) COMMENT 'what each suspect touches: benchmark (its own file), named (a path shares a word with it), other, nothing (a merge), aside (documentation and tests)' AFTER suspect_commits;
ALTER TABLE findings ADD COLUMN IF NOT EXISTS suspect_paths Array(String) COMMENT 'the path that says so, empty where none is known' AFTER suspect_touches;
