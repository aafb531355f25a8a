/**
 * The index of the local adapter, as statements for the owner of the schema to run in a migration; names are unqualified (search_path).
 *
 * Triggers keep two facts with the rows, whatever statement changes them: `object_usage` gets one row of differences a statement (so that
 * writers of one bucket never wait for each other; readers add them up and the collector folds them), and `object_garbage` gets the files
 * that no row names any more, to be removed from disk after the commit.
 */
export const LOCAL_INDEX_UP: readonly string[] = [
  `CREATE TABLE object_bucket (name text COLLATE "C" PRIMARY KEY)`,
  `CREATE TABLE object (
    bucket text COLLATE "C" NOT NULL REFERENCES object_bucket (name) ON DELETE CASCADE,
    key text COLLATE "C" NOT NULL,
    size bigint NOT NULL,
    etag text NOT NULL,
    content_type text NOT NULL,
    metadata jsonb NOT NULL,
    file_ids uuid[] NOT NULL,
    part_sizes bigint[] NOT NULL,
    modified_at timestamptz NOT NULL,
    PRIMARY KEY (bucket, key))`,
  `CREATE TABLE multipart_upload (
    upload_id uuid PRIMARY KEY,
    bucket text COLLATE "C" NOT NULL REFERENCES object_bucket (name) ON DELETE CASCADE,
    key text COLLATE "C" NOT NULL,
    content_type text NOT NULL,
    metadata jsonb NOT NULL,
    started_at timestamptz NOT NULL)`,
  `CREATE INDEX multipart_upload_place ON multipart_upload (bucket, key)`,
  `CREATE TABLE multipart_part (
    upload_id uuid NOT NULL REFERENCES multipart_upload (upload_id) ON DELETE CASCADE,
    part_number integer NOT NULL,
    file_id uuid NOT NULL,
    size bigint NOT NULL,
    etag text NOT NULL,
    modified_at timestamptz NOT NULL,
    PRIMARY KEY (upload_id, part_number))`,
  `CREATE TABLE object_usage (bucket text COLLATE "C" NOT NULL, objects bigint NOT NULL, bytes bigint NOT NULL)`,
  `CREATE INDEX object_usage_bucket ON object_usage (bucket)`,
  `CREATE TABLE object_garbage (file_id uuid PRIMARY KEY, since timestamptz NOT NULL DEFAULT clock_timestamp())`,
  `CREATE FUNCTION object_inserted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO object_usage SELECT bucket, count(*), sum(size) FROM new_rows GROUP BY bucket;
    RETURN NULL; END $$`,
  `CREATE FUNCTION object_updated() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO object_usage SELECT bucket, sum(objects), sum(bytes)
      FROM (SELECT bucket, 1 AS objects, size AS bytes FROM new_rows UNION ALL SELECT bucket, -1, -size FROM old_rows) AS change
      GROUP BY bucket HAVING sum(objects) <> 0 OR sum(bytes) <> 0;
    INSERT INTO object_garbage (file_id)
      SELECT unnest(file_ids) FROM old_rows EXCEPT SELECT unnest(file_ids) FROM new_rows ON CONFLICT DO NOTHING;
    RETURN NULL; END $$`,
  `CREATE FUNCTION object_deleted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO object_usage SELECT bucket, -count(*), -sum(size) FROM old_rows GROUP BY bucket;
    INSERT INTO object_garbage (file_id) SELECT unnest(file_ids) FROM old_rows ON CONFLICT DO NOTHING;
    RETURN NULL; END $$`,
  `CREATE FUNCTION multipart_part_dropped() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO object_garbage (file_id) VALUES (OLD.file_id) ON CONFLICT DO NOTHING;
    RETURN NULL; END $$`,
  `CREATE TRIGGER object_inserted AFTER INSERT ON object REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION object_inserted()`,
  `CREATE TRIGGER object_updated AFTER UPDATE ON object REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION object_updated()`,
  `CREATE TRIGGER object_deleted AFTER DELETE ON object REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION object_deleted()`,
  `CREATE TRIGGER multipart_part_deleted AFTER DELETE ON multipart_part FOR EACH ROW EXECUTE FUNCTION multipart_part_dropped()`,
  `CREATE TRIGGER multipart_part_replaced AFTER UPDATE ON multipart_part FOR EACH ROW WHEN (OLD.file_id <> NEW.file_id)
    EXECUTE FUNCTION multipart_part_dropped()`,
];

export const LOCAL_INDEX_DOWN: readonly string[] = [
  'DROP TABLE object_garbage, object_usage, multipart_part, multipart_upload, object, object_bucket',
  'DROP FUNCTION object_inserted, object_updated, object_deleted, multipart_part_dropped',
];
