// A database as SQL that makes it again in an empty one: what pg_dump would write, which the embedded PostgreSQL comes without. Knows what Fornax's schemas have and
// fails on anything else, so that nothing is left out silently.

const SCHEMAS = `SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public') ORDER BY nspname`;

const COLUMNS = `SELECT quote_ident(attname) AS name, format_type(atttypid, atttypmod) AS type, attnotnull, attgenerated, attidentity,
    pg_get_expr(adbin, adrelid) AS expression, CASE WHEN attcollation <> typcollation THEN quote_ident(collname) END AS collation
  FROM pg_attribute JOIN pg_type t ON t.oid = atttypid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum LEFT JOIN pg_collation c ON c.oid = attcollation
  WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped ORDER BY attnum`;

const columnOf = ({ name, type, collation, attgenerated, expression, attnotnull }) =>
  [
    name,
    type,
    ...(collation ? [`COLLATE ${collation}`] : []),
    ...(attgenerated === 's'
      ? [`GENERATED ALWAYS AS (${expression}) STORED`]
      : expression
        ? [`DEFAULT ${expression}`]
        : []),
    ...(attnotnull ? ['NOT NULL'] : []),
  ].join(' ');

const quoted = (json) => `$fixture$${json}$fixture$`;

/** @param db a connected pg client @returns statements, one a line or more, in an order in which they can be run */
export const dumpDatabase = async (db) => {
  const rows = async (sql, ...values) => (await db.query(sql, values)).rows;
  const first = [];
  const then = [];
  /** What needs all tables and their rows: references, and triggers, which would count rows twice. */
  const last = [];
  for (const { extname } of await rows(`SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'`))
    first.push(`CREATE EXTENSION IF NOT EXISTS ${extname};`);
  for (const { oid, nspname: schema } of await rows(SCHEMAS)) {
    const others = await rows(
      `SELECT relname FROM pg_class WHERE relnamespace = $1 AND relkind NOT IN ('r', 'i', 'S')`,
      oid,
    );
    if (others.length > 0) throw new Error(`cannot dump ${schema}: ${JSON.stringify(others)}`);
    for (const { definition } of await rows(
      'SELECT pg_get_functiondef(oid) AS definition FROM pg_proc WHERE pronamespace = $1 ORDER BY proname',
      oid,
    ))
      last.push(`${definition};`);
    for (const { definition } of await rows(
      `SELECT pg_get_triggerdef(t.oid) AS definition FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid WHERE relnamespace = $1 AND NOT tgisinternal ORDER BY tgname`,
      oid,
    ))
      last.push(`${definition};`);
    first.push(`CREATE SCHEMA ${schema};`);
    for (const { sequencename, last_value: value } of await rows(
      'SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = $1 ORDER BY 1',
      schema,
    )) {
      first.push(`CREATE SEQUENCE ${schema}.${sequencename};`);
      if (value !== null) then.push(`SELECT setval('${schema}.${sequencename}', ${value});`);
    }
    const tables = await rows(
      `SELECT oid, relname, array_to_string(reloptions, ', ') AS options FROM pg_class WHERE relnamespace = $1 AND relkind = 'r' ORDER BY relname`,
      oid,
    );
    for (const { oid: id, relname, options } of tables) {
      const table = `${schema}.${relname}`;
      const columns = await rows(COLUMNS, id);
      if (columns.some(({ attidentity }) => attidentity !== ''))
        throw new Error(`cannot dump ${table}: identity column`);
      first.push(`CREATE TABLE ${table} (${columns.map(columnOf).join(', ')})${options ? ` WITH (${options})` : ''};`);
      const stored = columns.filter(({ attgenerated }) => attgenerated === '').map(({ name }) => name);
      const [{ json }] = await rows(
        `SELECT coalesce(json_agg(t), '[]')::text AS json FROM (SELECT ${stored.join(', ')} FROM ${table}) t`,
      );
      if (json !== '[]')
        then.push(
          `INSERT INTO ${table} (${stored.join(', ')}) SELECT ${stored.join(', ')} FROM json_populate_recordset(NULL::${table}, ${quoted(json)});`,
        );
      for (const { conname, contype, definition } of await rows(
        `SELECT conname, contype, pg_get_constraintdef(oid) AS definition FROM pg_constraint WHERE conrelid = $1 AND contype IN ('p', 'u', 'x', 'c', 'f') ORDER BY conname`,
        id,
      ))
        (contype === 'f' ? last : then).push(`ALTER TABLE ${table} ADD CONSTRAINT "${conname}" ${definition};`);
      for (const { definition } of await rows(
        `SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index WHERE indrelid = $1 AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid) ORDER BY 1`,
        id,
      ))
        then.push(`${definition};`);
    }
  }
  return [...first, ...then, ...last].join('\n');
};
