import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { shippedProfiles, type ProfileDocument } from '@fornax/domain';
import { documentReader } from './document-reader.js';
import {
  profileDocumentJsonSchema,
  profileDocumentOf,
  profileDocumentSchema,
  writtenProfileOf,
} from './profile-document.js';

const file = new URL('../../../../docs/reference/profile.schema.json', import.meta.url);
const text = `${JSON.stringify(profileDocumentJsonSchema(), null, 2)}\n`;
if (process.env['UPDATE_GENERATED'] === '1') writeFileSync(file, text);

const read = documentReader(profileDocumentSchema);
const full: ProfileDocument = {
  name: 'blender',
  description: 'Frames of a Blender file',
  image: 'ghcr.io/studio/blender:4.2',
  command: 'blender -b ${BLEND_FILE}',
  constants: [
    { name: 'BLEND_FILE', pattern: '[a-z]+[.]blend', value: 'scene.blend', description: 'The file' },
    { name: 'WIDTH', type: 'integer', min: 1, max: 8_192, value: '1920' },
    { name: 'ENGINE', allowed: ['CYCLES', 'EEVEE'], value: 'CYCLES' },
    { name: 'LICENSE', value: '27000@licenses', isReadOnly: true },
  ],
  network: 'outgoing',
  ports: [{ port: 22, kind: 'ssh' }],
  limits: { cores: 8, memoryMB: 16_000, wallSeconds: 3_600 },
};

describe('a document of a profile', () => {
  it('has its schema in docs/reference as it is generated now (UPDATE_GENERATED=1 writes it)', () => {
    expect(existsSync(file) ? readFileSync(file, 'utf8') : '').toBe(text);
  });

  it.each([full, ...shippedProfiles])('says the profile that it was made from (%#)', (profile) => {
    const result = read(writtenProfileOf(profile, undefined));
    if (!result.ok) throw new Error(JSON.stringify(result.errors));
    expect(profileDocumentOf(result.value, undefined)).toEqual(profile);
  });

  it.each<[object, string]>([
    [{ ...writtenProfileOf(full, undefined), tint: 'red' }, 'tint'],
    [{ name: 'x' }, 'image'],
    [{ name: 'x', image: 'host', constants: [{ name: 'A', typ: 'string' }] }, 'constants[0].typ'],
    [{ name: 'x', image: 'host', constants: [{ name: 'A', access: 'never' }] }, 'constants[0].access'],
    [{ name: 'x', image: 'host', limits: { cores: -1 } }, 'limits.cores'],
    [{ name: 'x', image: 'host', description: 'a\u202eb' }, 'description'],
    [{ name: 'x', image: 'host', usableBy: { users: [] } }, 'usableBy.users'],
    [{ name: 'x', image: 'host', usableBy: { everyone: true } }, 'usableBy.everyone'],
  ])('says where it is wrong: %j', (document, place) => {
    const result = read(document);
    expect(result.ok ? [] : Object.keys(result.errors)).toEqual([place]);
  });
});
