"""Where Dagster keeps its runs, events and ticks: SQLite in its home, or the PostgreSQL of MUSE_POSTGRES_URL.

The address holds a password. Only its host and its database are ever shown.
"""

from urllib.parse import parse_qs, urlsplit

from muse_domain.failures import PermanentFailure

POSTGRES_VARIABLE = "MUSE_POSTGRES_URL"
_CONNECT_TIMEOUT_S = 5
_STATE = (
    "SELECT current_setting('server_version'), coalesce(has_schema_privilege(current_schema(), 'CREATE'), false), "
    "to_regclass('runs') IS NOT NULL"
)


def shown_address(url: str) -> str:
    """Host and database, for people."""
    address = urlsplit(url)
    host = address.hostname or parse_qs(address.query).get("host", ["localhost"])[0]
    return f"database {address.path.removeprefix('/')!r} on {host}"


def ping_postgres(url: str) -> str:
    """Version, host and database. Raises PermanentFailure when it does not answer or Dagster could not use it."""
    import psycopg2

    where = shown_address(url)
    try:
        connection = psycopg2.connect(url, connect_timeout=_CONNECT_TIMEOUT_S)
    except psycopg2.Error as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        remedy = f"start it, or mend {POSTGRES_VARIABLE}; without the variable Dagster's runs are kept in SQLite"
        # Not chained: a driver's error may hold the address as it was given.
        raise PermanentFailure(f"PostgreSQL, {where}, does not answer ({_hidden(reason, url)}): {remedy}") from None
    try:
        with connection.cursor() as cursor:
            cursor.execute(_STATE)
            [(version, may_create, has_tables)] = cursor.fetchall()
    finally:
        connection.close()
    if not may_create and not has_tables:
        user = urlsplit(url).username
        raise PermanentFailure(
            f"PostgreSQL, {where}: {user!r} may not create tables there: make it the owner of the database "
            f"(ALTER DATABASE ... OWNER TO {user})"
        )
    return f"PostgreSQL {version.split()[0]}, {where}"


def _hidden(text: str, url: str) -> str:
    password = urlsplit(url).password
    return text.replace(url, "...").replace(password, "...") if password else text.replace(url, "...")
