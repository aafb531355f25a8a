import { NoSandbox } from '@fornax/drivers';
import { ConfigError } from '@fornax/base';
import { runAgent } from './node/run-agent.js';

/** Of sysexits.h: starting again will not help, somebody has to change something. */
const EX_CONFIG = 78;

try {
  await runAgent(process.env);
  process.exit(0);
} catch (error) {
  const isForOperator = error instanceof ConfigError || error instanceof NoSandbox;
  const text =
    error instanceof Error ? (isForOperator ? error.message : (error.stack ?? error.message)) : String(error);
  process.stderr.write(`${text}\n`);
  process.exit(isForOperator ? EX_CONFIG : 1);
}
