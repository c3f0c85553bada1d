-- Time-partitioned tables: hypertables where TimescaleDB is, monthly partitions where it is not.
-- Everything else is the same SQL on both.

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb') THEN
        CREATE EXTENSION IF NOT EXISTS timescaledb;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'timescaledb is there but may not be created by %: monthly partitions are used', current_user;
END
$$;

-- Turns a table that was just created, empty and with nothing but its primary key, into one partitioned by id_at.
CREATE FUNCTION make_time_partitioned(table_name text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        EXECUTE format(
            'SELECT create_hypertable(%L, ''id_at'', chunk_time_interval => interval ''1 month'','
            ' create_default_indexes => false)', table_name);
        RETURN;
    END IF;
    EXECUTE format('ALTER TABLE %I RENAME TO %I', table_name, table_name || '_shape');
    EXECUTE format('ALTER INDEX %I RENAME TO %I', table_name || '_pkey', table_name || '_shape_pkey');
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL) PARTITION BY RANGE (id_at)',
                   table_name, table_name || '_shape');
    EXECUTE format('DROP TABLE %I', table_name || '_shape');
    EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', table_name || '_default', table_name);
END
$$;

-- Creates one month's partition. Rows of that month that already lie in the default partition move into it.
CREATE FUNCTION add_month_partition(table_name text, month date) RETURNS void
LANGUAGE plpgsql SET timezone = 'UTC' AS $$
DECLARE
    partition_name text := format('%s_%s', table_name, to_char(month, 'YYYY_MM'));
    from_at timestamptz := month;
    to_at timestamptz := month + interval '1 month';
BEGIN
    EXECUTE format('LOCK TABLE %I IN SHARE ROW EXCLUSIVE MODE', table_name);
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', partition_name, table_name);
    EXECUTE format('WITH moved AS (DELETE FROM %I WHERE id_at >= %L AND id_at < %L RETURNING *)'
                   ' INSERT INTO %I SELECT * FROM moved',
                   table_name || '_default', from_at, to_at, partition_name);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   table_name, partition_name, from_at, to_at);
END
$$;

-- Last month to three months ahead. Safe at any time and from several processes; returns how many were made.
CREATE FUNCTION ensure_time_partitions(at timestamptz) RETURNS integer
LANGUAGE plpgsql SET timezone = 'UTC' AS $$
DECLARE
    missing record;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('busense.ensure_time_partitions'));
    FOR missing IN
        SELECT c.relname AS table_name, month::date AS month
        FROM pg_partitioned_table p
        JOIN pg_class c ON c.oid = p.partrelid AND c.relnamespace = current_schema()::regnamespace
        CROSS JOIN generate_series(date_trunc('month', at) - interval '1 month',
                                   date_trunc('month', at) + interval '3 months', interval '1 month') month
        WHERE to_regclass(format('%I', c.relname || '_' || to_char(month, 'YYYY_MM'))) IS NULL
        ORDER BY c.relname, month
    LOOP
        PERFORM add_month_partition(missing.table_name, missing.month);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;
