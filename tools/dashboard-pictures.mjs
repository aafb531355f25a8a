/**
 * Takes the pictures of the dashboard's pages for the guide anew, into `docs/guide/dashboard`: `node tools/dashboard-pictures.mjs`. The walk of a
 * new user takes them (tests/e2e/src/dashboard-walk.e2e-spec.ts) of a platform that it starts, with samples; it needs Chromium.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../docs/guide/dashboard/', import.meta.url));
mkdirSync(folder, { recursive: true });
const { status } = spawnSync(
  process.execPath,
  [fileURLToPath(new URL('test.mjs', import.meta.url)), 'e2e', 'dashboard-walk'],
  { stdio: 'inherit', env: { ...process.env, FORNAX_PICTURES: folder } },
);
process.exitCode = status ?? 1;
