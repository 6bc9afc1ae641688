"""SQL: calls and turns. The only room that speaks to a database; SQLite by default, PostgreSQL by another address."""
