import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { plainError } from './plain-errors.js';
import { taskCreationSchema } from './task-creation.js';
import { wireReader } from './wire.js';

const saysOf = (schema: z.ZodType, value: unknown): readonly string[] =>
  schema.safeParse(value, { error: plainError }).error?.issues.map(({ message }) => message) ?? [];

describe('what a client is told of a value that does not fit', () => {
  it.each([
    [z.string(), undefined, 'The value is missing.'],
    [z.string(), 1, 'The value must be a text.'],
    [z.number().int(), 1.5, 'The value must be a whole number.'],
    [z.array(z.string()), 'a', 'The value must be a list.'],
    [z.object({}), [], 'The value must be an object.'],
    [z.string().max(3), 'abcd', 'The text may have at most 3 characters.'],
    [z.string().min(1), '', 'The text must not be empty.'],
    [z.string().min(8), 'short', 'The text must have at least 8 characters.'],
    [z.array(z.string()).max(1), ['a', 'b'], 'The list may have at most 1 entry.'],
    [z.array(z.string()).min(1), [], 'The list must not be empty.'],
    [z.number().max(5), 6, 'The value must be at most 5.'],
    [z.number().min(0), -1, 'The value must be at least 0.'],
    [z.number().positive(), 0, 'The value must be more than 0.'],
    [z.number().multipleOf(5), 6, 'The value must be a multiple of 5.'],
    [z.string().regex(/^a$/), 'b', 'The text does not have the form that is needed here.'],
    [z.email(), 'b', 'The text must be an e-mail address.'],
    [z.enum(['asc', 'desc']), 'up', 'The value must be one of asc, desc.'],
    [z.literal('a'), 'b', 'The value must be a.'],
    [z.strictObject({}), { b: 1 }, 'There is no such field: b.'],
    [z.union([z.string(), z.number()]), true, 'The value has none of the forms that are possible here.'],
    [z.string().regex(/^a$/, 'Only a.'), 'b', 'Only a.'],
  ])('is a sentence (%#)', (schema, value, sentence) => {
    expect(saysOf(schema, value)).toEqual([sentence]);
  });

  it('names the limits of a task in the same words', () => {
    const read = wireReader(taskCreationSchema);
    const constants = Array.from({ length: 151 }, (_, n) => ({ key: `K${n}`, value: '' }));
    const body = { name: 'a', profile: 'shell', instanceCount: 1 };
    expect(read({ ...body, constants })).toEqual({
      ok: false,
      errors: { constants: ['The list may have at most 150 entries.'] },
    });
    expect(read({ ...body, constants: [{ key: 'K', value: 'x'.repeat(2_049) }] })).toEqual({
      ok: false,
      errors: { 'constants[0].value': ['The text may have at most 2048 characters.'] },
    });
    expect(
      read({ ...body, hardwareConstraints: [{ discriminator: 'MinimumCoreHardwareConstraint', coreCount: 0 }] }),
    ).toEqual({ ok: false, errors: { 'hardwareConstraints[0].coreCount': ['The value must be more than 0.'] } });
  });
});
