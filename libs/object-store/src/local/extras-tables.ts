/**
 * What only some objects, uploads and parts have: headers about the content, and checksums that were verified when the bytes came; run after
 * LOCAL_MARK_ORDER_UP by the owner of the schema.
 */
export const LOCAL_EXTRAS_UP: readonly string[] = ['object', 'multipart_upload', 'multipart_part'].map(
  (table) => `ALTER TABLE ${table} ADD COLUMN extras jsonb`,
);

export const LOCAL_EXTRAS_DOWN: readonly string[] = ['multipart_part', 'multipart_upload', 'object'].map(
  (table) => `ALTER TABLE ${table} DROP COLUMN extras`,
);
