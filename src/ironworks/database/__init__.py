"""The database: one engine, one set of tables, one way to bring them up to date.

Every room that keeps rows declares its tables on `Table` (the declarative base) and asks for a
`Database`; nobody else opens connections.
"""

from ironworks.database.engine import Database, Table, UtcDateTime, utc_now

__all__ = ["Database", "Table", "UtcDateTime", "utc_now"]
