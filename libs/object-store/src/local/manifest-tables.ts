import { LOCAL_INDEX_UP } from './index-tables.js';

/**
 * What was added to the index so that it can be made again from the files; run after LOCAL_INDEX_UP by the owner of the schema.
 *
 * `manifest_id` is the file that holds an object's manifest: its own payload, or one for the purpose. Without one (an object of an earlier version,
 * or one that was moved) it is written in the background. `object_mark` holds the marks that this index has left in the folder of files.
 */
export const LOCAL_MANIFESTS_UP: readonly string[] = [
  'ALTER TABLE object ADD COLUMN manifest_id uuid',
  'CREATE INDEX object_without_manifest ON object (bucket, key) WHERE manifest_id IS NULL',
  'CREATE TABLE object_mark (mark uuid PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp())',
  `CREATE OR REPLACE FUNCTION object_updated() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO object_usage SELECT bucket, sum(objects), sum(bytes)
      FROM (SELECT bucket, 1 AS objects, size AS bytes FROM new_rows UNION ALL SELECT bucket, -1, -size FROM old_rows) AS change
      GROUP BY bucket HAVING sum(objects) <> 0 OR sum(bytes) <> 0;
    INSERT INTO object_garbage (file_id)
      SELECT unnest(array_remove(file_ids || manifest_id, NULL)) FROM old_rows
      EXCEPT SELECT unnest(file_ids || manifest_id) FROM new_rows ON CONFLICT DO NOTHING;
    RETURN NULL; END $$`,
  `CREATE OR REPLACE FUNCTION object_deleted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO object_usage SELECT bucket, -count(*), -sum(size) FROM old_rows GROUP BY bucket;
    INSERT INTO object_garbage (file_id)
      SELECT unnest(array_remove(file_ids || manifest_id, NULL)) FROM old_rows ON CONFLICT DO NOTHING;
    RETURN NULL; END $$`,
];

/** The functions as they were. */
const BEFORE = LOCAL_INDEX_UP.filter((statement) => /^CREATE FUNCTION object_(updated|deleted)/.test(statement)).map(
  (statement) => statement.replace('CREATE FUNCTION', 'CREATE OR REPLACE FUNCTION'),
);

export const LOCAL_MANIFESTS_DOWN: readonly string[] = [
  ...BEFORE,
  'DROP TABLE object_mark',
  'ALTER TABLE object DROP COLUMN manifest_id',
];
