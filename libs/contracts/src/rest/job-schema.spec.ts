import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { jobDocumentJsonSchema } from './job-document.js';

const file = new URL('../../../../docs/reference/job.schema.json', import.meta.url);
const text = `${JSON.stringify(jobDocumentJsonSchema(), null, 2)}\n`;

if (process.env['UPDATE_GENERATED'] === '1') writeFileSync(file, text);

it('the schema of job documents is stored in docs/reference as it is generated now (UPDATE_GENERATED=1 writes it)', () => {
  expect(existsSync(file) ? readFileSync(file, 'utf8') : '').toBe(text);
});
