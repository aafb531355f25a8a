import { runFornaxNode } from './enrollment/fornax-node.js';

const readStdin = async (): Promise<string> => {
  let text = '';
  for await (const chunk of process.stdin) text += String(chunk);
  return text;
};

process.exit(
  await runFornaxNode(process.argv.slice(2), {
    env: process.env,
    print: (line) => void process.stdout.write(`${line}\n`),
    tell: (line) => void process.stderr.write(`${line}\n`),
    readStdin,
    work: async (env, keys) => {
      // Nothing that this process starts is to see it.
      delete process.env['FORNAX_NODE_TOKEN'];
      // Loaded only where it is needed: see config.ts for what it costs each instance.
      const { runAgent } = await import('./node/run-agent.js');
      await runAgent(env, keys);
    },
  }),
);
