import { describe, expect, it } from '@jest/globals';
import { fitsSocket, postgresSettings } from './postgres-config.js';

describe('the socket of PostgreSQL', () => {
  it('is made where the longest of its paths fits, in bytes', () => {
    const name = '/.s.PGSQL.65535'.length;
    expect(fitsSocket(`/${'a'.repeat(106 - name)}`)).toBe(true);
    expect(fitsSocket(`/${'a'.repeat(107 - name)}`)).toBe(false);
    expect(fitsSocket(`/${'é'.repeat(54 - Math.floor(name / 2))}`)).toBe(false);
  });

  it('is left out without a folder', () => {
    const settings = { port: 5432, durable: true };
    expect(postgresSettings(settings)).toContain('unix_socket_directories=');
    expect(postgresSettings({ ...settings, socketFolder: '/f' })).toContain('unix_socket_directories=/f');
  });
});
