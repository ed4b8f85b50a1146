"""From rows to an episode: findings, facts, a draft, its verdict, the decision."""
