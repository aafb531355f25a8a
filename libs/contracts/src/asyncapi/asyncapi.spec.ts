import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import { asyncApiDocument } from './asyncapi.js';
import { eventSchemas } from '../events/schemas.js';

const require = createRequire(import.meta.url);

const file = new URL('../../../../docs/reference/asyncapi.json', import.meta.url);
const text = `${JSON.stringify(asyncApiDocument(), null, 2)}\n`;
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

if (process.env['UPDATE_GENERATED'] === '1') {
  mkdirSync(new URL('.', file), { recursive: true });
  writeFileSync(file, text);
}

describe('the AsyncAPI document', () => {
  it('is valid AsyncAPI 3.0', () => {
    const schema: unknown = require('@asyncapi/specs/schemas/3.0.0-without-$id.json');
    if (!isRecord(schema)) throw new Error('the AsyncAPI schema is missing');
    const validate = new Ajv({ strict: false, validateFormats: false, logger: false }).compile(schema);
    validate(asyncApiDocument());
    expect(validate.errors).toBeNull();
  });

  it('describes every event type', () => {
    for (const [type, { version }] of Object.entries(eventSchemas)) expect(text).toContain(`"${type}.v${version}": {`);
  });

  it('is stored in docs/reference as it is generated now (UPDATE_GENERATED=1 writes it)', () => {
    expect(existsSync(file) ? readFileSync(file, 'utf8') : '').toBe(text);
  });
});
