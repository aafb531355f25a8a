/**
 * What was added to the index so that an older copy of the folder is noticed; run after LOCAL_MANIFESTS_UP by the owner of the schema.
 *
 * `n` counts the marks as they are made, `placed` as they came to lie in the folder (null: not known to have), both by the same counter.
 */
export const LOCAL_MARK_ORDER_UP: readonly string[] = [
  'CREATE SEQUENCE object_mark_order',
  `ALTER TABLE object_mark ADD COLUMN n bigint NOT NULL DEFAULT nextval('object_mark_order'), ADD COLUMN placed bigint`,
  'CREATE INDEX object_mark_placed ON object_mark (placed)',
];

export const LOCAL_MARK_ORDER_DOWN: readonly string[] = [
  'ALTER TABLE object_mark DROP COLUMN n, DROP COLUMN placed',
  'DROP SEQUENCE object_mark_order',
];
