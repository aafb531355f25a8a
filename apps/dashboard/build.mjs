/**
 * Builds the dashboard into `dist`, and beside it the list of files that the platform serves (`site.json`). The folder is swapped at the end, so it is never
 * half a dashboard.
 */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { build } from 'vite';
import { filesOf } from '../../tools/files-of.mjs';

const root = fileURLToPath(new URL('.', import.meta.url));
const dist = join(root, 'dist');
const around = join(root, 'node_modules', '.made');

mkdirSync(around, { recursive: true });
const made = mkdtempSync(join(around, 'new-'));
try {
  await build({
    configFile: false,
    root: join(root, 'src'),
    base: '/ui/',
    publicDir: false,
    // Others in this installation have a React of their own.
    resolve: { dedupe: ['react', 'react-dom'] },
    logLevel: 'warn',
    plugins: [react()],
    // The platform writes a new nonce in this place of each answer: what is styled at run time is allowed by it and by nothing else.
    html: { cspNonce: '__FORNAX_CSP_NONCE__' },
    build: {
      outDir: made,
      emptyOutDir: true,
      target: 'es2023',
      // Nothing is put into the page as a data address, and nothing of the page itself as a script.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      chunkSizeWarningLimit: 2_000,
    },
  });
  writeFileSync(join(made, 'site.json'), `${JSON.stringify({ scripts: [], files: filesOf(made) }, undefined, 1)}\n`);
  const former = join(around, 'former');
  rmSync(former, { recursive: true, force: true });
  if (existsSync(dist)) renameSync(dist, former);
  renameSync(made, dist);
  rmSync(former, { recursive: true, force: true });
} finally {
  rmSync(made, { recursive: true, force: true });
}
