-- The newest complete answer that was paid for, to the same question about the same facts.
SELECT status, error_msg, answer
FROM llm_events
WHERE cache_key = {cache_key:String} AND tokens_in IS NOT NULL
    AND status IN ('draft', 'refused', 'truncated', 'empty', 'invalid')
ORDER BY ts DESC
LIMIT 1
