-- What TimescaleDB does where it is there: smaller chunks, compression, aggregates that follow by themselves. Functions
-- below have the same names and results without it, where months are partitions and sums are made when asked for.

CREATE FUNCTION has_timescale() RETURNS boolean
LANGUAGE sql STABLE AS $$ SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') $$;

-- Looks at segments become a hypertable, too: its key must hold the time. A coverage has one time, so it is as unique.
DO $$
DECLARE
    each record;
BEGIN
    IF NOT has_timescale() THEN
        CREATE INDEX segment_surveys_to_at_idx ON segment_surveys USING brin (to_at);
        RETURN;
    END IF;
    ALTER TABLE segment_surveys DROP CONSTRAINT segment_surveys_pkey;
    ALTER TABLE segment_surveys ADD CONSTRAINT segment_surveys_pkey
        PRIMARY KEY (segment_id, city, device, coverage_id, direction, to_at);
    PERFORM create_hypertable('segment_surveys', 'to_at', chunk_time_interval => interval '7 days',
                              create_default_indexes => false, migrate_data => true);

    FOR each IN
        SELECT * FROM (VALUES
            ('track_points', interval '1 day', 'id_at, id, number'),
            ('observations', interval '7 days', 'id_at, id'),
            ('coverages', interval '7 days', 'id_at, id'),
            ('health_reports', interval '7 days', 'id_at, id'),
            ('tag_sightings', interval '7 days', 'id_at, id, number'),
            ('driving_events', interval '7 days', 'id_at, id')
        ) AS t(name, chunk, ordered)
    LOOP
        PERFORM set_chunk_time_interval(each.name, each.chunk);
        EXECUTE format('ALTER TABLE %I SET (timescaledb.compress, timescaledb.compress_segmentby = %L,'
                       ' timescaledb.compress_orderby = %L)', each.name, 'city, device', each.ordered);
        -- A bus that was away for a week brings its messages into chunks that are still as they were.
        PERFORM add_compression_policy(each.name, compress_after => interval '14 days');
    END LOOP;
END
$$;

-- What each bus told by the hour.
DO $$
BEGIN
    IF has_timescale() THEN
        EXECUTE $view$
            CREATE MATERIALIZED VIEW fleet_hours_kept
            WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
            SELECT time_bucket(interval '1 hour', id_at) AS hour, city, device, count(*) AS points,
                count(*) FILTER (WHERE speed_mps > 1) AS moving, sum(speed_mps) AS speed_sum_mps,
                max(speed_mps) AS speed_max_mps
            FROM track_points GROUP BY 1, 2, 3 WITH NO DATA
        $view$;
        PERFORM add_continuous_aggregate_policy('fleet_hours_kept', start_offset => interval '14 days',
            end_offset => interval '1 hour', schedule_interval => interval '1 hour');
        EXECUTE $view$
            CREATE MATERIALIZED VIEW segment_days_kept
            WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
            SELECT time_bucket(interval '1 day', to_at) AS day, segment_id, count(*) AS looks, max(to_at) AS last_looked_at
            FROM segment_surveys GROUP BY 1, 2 WITH NO DATA
        $view$;
        PERFORM add_continuous_aggregate_policy('segment_days_kept', start_offset => interval '14 days',
            end_offset => interval '1 day', schedule_interval => interval '6 hours');
        -- Ten years, as the history of segments; a bus's hours for two.
        PERFORM add_retention_policy('fleet_hours_kept', drop_after => interval '730 days');
        PERFORM add_retention_policy('segment_days_kept', drop_after => interval '3650 days');
    END IF;
END
$$;

-- The same sums for any hours; the upper end is not included. What is asked for is all that is read.
DO $$
BEGIN
    IF has_timescale() THEN
        CREATE FUNCTION fleet_hours(since timestamptz, until timestamptz)
        RETURNS TABLE (hour timestamptz, city text, device text, points bigint, moving bigint,
            speed_sum_mps double precision, speed_max_mps double precision)
        LANGUAGE sql STABLE AS $f$
            SELECT k.hour, k.city, k.device, k.points, k.moving, k.speed_sum_mps, k.speed_max_mps
            FROM fleet_hours_kept k WHERE k.hour >= since AND k.hour < until
        $f$;
        CREATE FUNCTION segment_days(since timestamptz, until timestamptz)
        RETURNS TABLE (day timestamptz, segment_id text, looks bigint, last_looked_at timestamptz)
        LANGUAGE sql STABLE AS $f$
            SELECT k.day, k.segment_id, k.looks, k.last_looked_at
            FROM segment_days_kept k WHERE k.day >= since AND k.day < until
        $f$;
        CREATE FUNCTION old_parts(table_name text, before timestamptz) RETURNS TABLE (part_schema text, part_name text)
        LANGUAGE sql STABLE AS $f$
            SELECT c.chunk_schema::text, c.chunk_name::text FROM timescaledb_information.chunks c
            WHERE c.hypertable_schema = current_schema() AND c.hypertable_name = table_name AND c.range_end <= before
            ORDER BY c.range_start
        $f$;
        CREATE FUNCTION open_parts(table_name text, before timestamptz) RETURNS bigint
        LANGUAGE sql VOLATILE AS $f$
            SELECT count(decompress_chunk(format('%I.%I', c.chunk_schema, c.chunk_name)::regclass))
            FROM timescaledb_information.chunks c
            WHERE c.hypertable_schema = current_schema() AND c.hypertable_name = table_name AND c.is_compressed
                AND c.range_start < before
        $f$;
    ELSE
        CREATE FUNCTION fleet_hours(since timestamptz, until timestamptz)
        RETURNS TABLE (hour timestamptz, city text, device text, points bigint, moving bigint,
            speed_sum_mps double precision, speed_max_mps double precision)
        LANGUAGE sql STABLE AS $f$
            SELECT date_trunc('hour', p.id_at, 'UTC'), p.city, p.device, count(*),
                count(*) FILTER (WHERE p.speed_mps > 1), sum(p.speed_mps), max(p.speed_mps)
            FROM track_points p WHERE p.id_at >= since AND p.id_at < until GROUP BY 1, 2, 3
        $f$;
        CREATE FUNCTION segment_days(since timestamptz, until timestamptz)
        RETURNS TABLE (day timestamptz, segment_id text, looks bigint, last_looked_at timestamptz)
        LANGUAGE sql STABLE AS $f$
            SELECT date_trunc('day', s.to_at, 'UTC'), s.segment_id, count(*), max(s.to_at)
            FROM segment_surveys s WHERE s.to_at >= since AND s.to_at < until GROUP BY 1, 2
        $f$;
        CREATE FUNCTION old_parts(table_name text, before timestamptz) RETURNS TABLE (part_schema text, part_name text)
        LANGUAGE sql STABLE AS $f$
            SELECT current_schema()::text, c.relname::text
            FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = to_regclass(format('%I', table_name)) AND c.relname ~ '_[0-9]{4}_[0-9]{2}$'
                AND (to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month') AT TIME ZONE 'UTC' <= before
            ORDER BY c.relname
        $f$;
        CREATE FUNCTION open_parts(table_name text, before timestamptz) RETURNS bigint
        LANGUAGE sql STABLE AS $f$ SELECT 0::bigint $f$;
    END IF;
END
$$;
