#!/usr/bin/env node
/** Runs a node of a Fornax platform: see `runOnNode24`. */
import { fileURLToPath } from 'node:url';
import { runOnNode24 } from '../../../tools/run-on-node24.mjs';

await runOnNode24('fornax-node', fileURLToPath(new URL('../dist/fornax-node.js', import.meta.url)));
