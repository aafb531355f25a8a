#!/usr/bin/env node
/** Runs the command line: see `runOnNode24`. */
import { fileURLToPath } from 'node:url';
import { runOnNode24 } from '../../../tools/run-on-node24.mjs';

await runOnNode24('fornax', fileURLToPath(new URL('../dist/bundled/main.js', import.meta.url)));
