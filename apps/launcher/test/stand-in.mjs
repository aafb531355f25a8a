// Stands in for every program that the launcher starts, so that the launcher can be tested alone. It says what it was given.
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const { FORNAX_NODE_ID: node, FORNAX_NODE_DIR: nodeDir, FORNAX_PORT: port, FORNAX_HTTP_PORT: httpPort } = process.env;
const name = node ?? `http-${port ?? httpPort}`;
writeFileSync(join(nodeDir ?? process.env.FORNAX_DATA_DIR, `given-${name}.json`), JSON.stringify(process.env));
if (process.env.STAND_IN_FAILS === '1') {
  console.error('the stand-in was told to fail');
  process.exit(3);
}
if (node !== undefined && process.env.STAND_IN_CANNOT_RUN === '1') {
  console.error('this machine permits no isolation of instances');
  process.exit(78);
}
if (node === undefined) {
  createServer((request, response) => {
    response.writeHead(request.url === '/health/ready' ? 200 : 404).end('{}');
  }).listen(Number(port ?? httpPort), '127.0.0.1');
} else {
  setInterval(() => undefined, 1_000);
}
process.on('SIGTERM', () => process.exit(0));
