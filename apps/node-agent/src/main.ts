import { ConfigError } from './config.js';
import { runAgent } from './node/run-agent.js';

try {
  await runAgent(process.env);
  process.exit(0);
} catch (error) {
  process.stderr.write(
    `${error instanceof ConfigError ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exit(1);
}
