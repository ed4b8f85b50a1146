-- `field` may name several, separated by commas: a row answers each.
SELECT
    'findings' AS table, concat(toString(day), ' ', finding_id) AS row_id, changed_at AS ts, first_bad_commit AS commit_sha,
    'findings of the day' AS source, '' AS segment,
    CAST(multiIf(
        field = 'p_value', p_value,
        field = 'q_value', q_value,
        field = 'interval_near', if(abs(interval_low_pct) < abs(interval_high_pct), interval_low_pct, interval_high_pct),
        field = 'interval_far', if(abs(interval_low_pct) < abs(interval_high_pct), interval_high_pct, interval_low_pct),
        NULL) AS Nullable(Float64)) AS value,
    CAST(NULL AS Nullable(Float64)) AS pair, CAST(NULL AS Nullable(String)) AS text, field
FROM findings
ARRAY JOIN splitByChar(',', {field:String}) AS field
WHERE day = {day:Date} AND finding_id = {finding_id:String}
