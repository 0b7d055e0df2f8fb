"""PostgreSQL: its schema, its upkeep, and what is normal for a cache."""
