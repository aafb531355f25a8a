type Json = Readonly<Record<string, unknown>>;
const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Keywords whose values are schemas by name: a property called `nullable` is no keyword. */
const BY_NAME = new Set(['properties', 'patternProperties', '$defs', 'schemas']);
/** Keywords that hold data, not schemas. */
const DATA = new Set(['enum', 'const', 'default', 'example', 'examples', 'required']);

/**
 * A schema in the words of OpenAPI 3.0, which Nest writes, in those of JSON Schema 2020-12, which 3.1 and every validator mean: null is
 * a type of its own, exclusive limits are numbers.
 */
export const modernSchema = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(modernSchema);
  if (!isRecord(schema)) return schema;
  const { nullable, exclusiveMinimum, exclusiveMaximum, ...rest } = schema;
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(rest)) result[key] = modernValue(key, value);
  moveLimit(result, 'minimum', 'exclusiveMinimum', exclusiveMinimum);
  moveLimit(result, 'maximum', 'exclusiveMaximum', exclusiveMaximum);
  return nullable === true ? orNull(result) : result;
};

const modernValue = (key: string, value: unknown): unknown => {
  if (DATA.has(key)) return value;
  if (BY_NAME.has(key) && isRecord(value))
    return Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, modernSchema(schema)]));
  return modernSchema(value);
};

const moveLimit = (schema: Record<string, unknown>, limit: string, exclusive: string, value: unknown): void => {
  if (typeof value === 'number') schema[exclusive] = value;
  if (value !== true) return;
  schema[exclusive] = schema[limit];
  delete schema[limit];
};

const orNull = (schema: Record<string, unknown>): Json => {
  if (Object.keys(schema).length === 0) return {};
  const { type, enum: values } = schema;
  if (typeof type !== 'string') return { anyOf: [schema, { type: 'null' }] };
  return { ...schema, type: [type, 'null'], ...(Array.isArray(values) ? { enum: [...values, null] } : {}) };
};
