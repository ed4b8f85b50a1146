-- `field` may name several, separated by commas: a row answers each.
SELECT
    'findings' AS table, concat(toString(day), ' ', finding_id) AS row_id, changed_at AS ts, first_bad_commit AS commit_sha,
    'findings of the day' AS source, '' AS segment,
    CAST(NULL AS Nullable(Float64)) AS value, CAST(NULL AS Nullable(Float64)) AS pair,
    CAST(multiIf(
        field = 'name', replaceRegexpOne(short_name, ' \\([^()]*\\)$', ''),
        field = 'full_name', concat(short_name, if(empty(details), '', concat(' (', arrayStringConcat(details, ', '), ')'))),
        field = 'metric', metric_label,
        field = 'changed_at', formatDateTime(changed_at, '%Y-%m-%dT%H:%i:%S+00:00', 'UTC'),
        field = 'first_bad_commit', first_bad_commit,
        field = 'last_good_commit', last_good_commit,
        field = 'state', state,
        field = 'cause', cause,
        field = 'cause_reason', cause_reason,
        field = 'told_on', toString(told_on),
        field = 'returned_on', toString(returned_on),
        field = 'returned', if(returned_on IS NULL, NULL, transform(effect, ['improvement', 'regression'], ['regression', 'improvement'], 'change')),
        field = 'suspect', nullIf(suspect_commits[1], ''),
        field = 'suspect_touches', nullIf(suspect_touches[1], ''),
        field = 'suspect_path', nullIf(suspect_paths[1], ''),
        NULL) AS Nullable(String)) AS text,
    field
FROM
(
    SELECT
        *,
        splitByString('::', benchmark)[-1] AS short_name,
        arrayFilter(part -> part != '' AND position(short_name, part) = 0, [ifNull(model, ''), ifNull(quant, ''), ifNull(dataset, '')]) AS details,
        transform(metric,
            ['latency_p50_ms', 'latency_mean_ms', 'latency_p95_ms', 'tokens_per_sec', 'cost_per_1k', 'memory_peak_mb'],
            ['median latency', 'mean latency', 'p95 latency', 'tokens per second', 'cost per 1,000 tokens', 'peak memory'],
            replaceAll(metric, '_', ' ')) AS metric_label
    FROM findings
    WHERE day = {day:Date} AND finding_id = {finding_id:String}
)
ARRAY JOIN splitByChar(',', {field:String}) AS field
