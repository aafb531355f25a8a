import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { loadSettings, settingsSchema } from './settings.js';

const listed = z
  .array(z.object({ name: z.string(), default: z.string(), text: z.string().min(10) }))
  .parse(JSON.parse(readFileSync(new URL('../settings.json', import.meta.url), 'utf8')));

describe('the settings', () => {
  it('are the ones that the help text lists', () => {
    expect(listed.map(({ name }) => name).sort()).toEqual(Object.keys(settingsSchema.shape).sort());
  });

  it('have the defaults that the help text tells', () => {
    const defaults: Readonly<Record<string, unknown>> = loadSettings({});
    const told = listed.filter(({ name, default: value }) => value !== '' && name !== 'FORNAX_OBJECTS');
    for (const { name, default: value } of told) expect([name, String(defaults[name])]).toEqual([name, value]);
  });

  it('count as unset when empty', () => expect(loadSettings({ FORNAX_PORT: '' }).FORNAX_PORT).toBe(8080));

  it('are refused where they contradict each other, all at once', () => {
    expect(() =>
      loadSettings({ FORNAX_PORT: '90', FORNAX_STORAGE_PORT: '90', FORNAX_ONCE: '1', FORNAX_NODES: '0' }),
    ).toThrow(/must differ[\s\S]*FORNAX_NODES/);
    expect(() => loadSettings({ FORNAX_NATS_PASSWORD: 'x' })).toThrow(/FORNAX_NODE_NATS_USER/);
  });
});
