const PLAIN = /^[a-z][a-z0-9_]{0,50}$/;

/**
 * A schema or table name that is put into SQL. Only plain snake_case names exist in Fornax, so anything else is a mistake.
 * @throws Error
 */
export const identifier = (name: string): string => {
  if (!PLAIN.test(name)) throw new Error(`not a plain snake_case name: ${JSON.stringify(name)}`);
  return `"${name}"`;
};

/** Where a service's tables are rebuilt. */
export const shadowSchema = (schema: string): string => `${schema}_rebuild`;
