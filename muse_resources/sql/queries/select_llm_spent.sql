-- What one episode has cost so far, as far as it is known.
SELECT ifNull(sum(tokens_in), 0) AS tokens_in, ifNull(sum(tokens_out), 0) AS tokens_out,
    ifNull(sum(cost_usd), 0) AS cost_usd
FROM (SELECT * FROM llm_events WHERE run_id = {run_id:UUID} LIMIT 1 BY call_id)
