SELECT * FROM corrections ORDER BY day, series, fact_id, claim
