/** The settings of `npm start`, from their one list, `apps/launcher/settings.json`: help text, table, command line. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './bootstrap.mjs';

/** @returns {readonly { name: string, flag?: string, default: string, switch?: boolean, text: string }[]} */
export const readSettings = () => JSON.parse(readFileSync(join(root, 'apps', 'launcher', 'settings.json'), 'utf8'));

const defaultOf = (setting) => (setting.default === '' ? '' : ` [${setting.default}]`);

/** The text of `npm start -- --help`. */
export const renderHelp = (settings) => {
  const flags = settings.filter(({ flag }) => flag !== undefined);
  const flagText = ({ flag, switch: isSwitch }) => (isSwitch ? flag : `${flag} VALUE`);
  const width = Math.max(...settings.map(({ name }) => name.length));
  return [
    'Brings up Fornax on this machine: PostgreSQL, NATS, the services, a compute node. Stop it with Ctrl-C.',
    '',
    'npm start -- [options]',
    '',
    ...flags.map((setting) => `  ${flagText(setting).padEnd(22)} ${setting.text}${defaultOf(setting)}`),
    `  ${'--help'.padEnd(22)} This text.`,
    '',
    'Settings (environment variables; an option above wins over its variable):',
    '',
    ...settings.map((setting) => `  ${setting.name.padEnd(width)}  ${setting.text}${defaultOf(setting)}`),
    '',
  ].join('\n');
};

/** The same as a Markdown table, for the documentation. */
export const renderTable = (settings) =>
  [
    '| setting | option | default | meaning |',
    '| --- | --- | --- | --- |',
    ...settings.map(
      ({ name, flag, default: value, text }) =>
        `| \`${name}\` | ${flag ? `\`${flag}\`` : ''} | ${value ? `\`${value}\`` : ''} | ${text} |`,
    ),
    '',
  ].join('\n');

/**
 * Reads the command line: `--flag value`, `--flag=value`, or a switch alone.
 * @returns {{ env: Record<string, string>, mode: 'run' | 'help' | 'table' } | { error: string }}
 */
export const parseCommandLine = (args, settings) => {
  const env = {};
  for (let index = 0; index < args.length; index += 1) {
    const [flag, inline] = args[index].split(/=(.*)/s);
    if (flag === '--help' || flag === '-h') return { env, mode: 'help' };
    if (flag === '--help-table') return { env, mode: 'table' };
    const setting = settings.find((one) => one.flag === flag);
    if (setting === undefined) return { error: `unknown option ${flag}` };
    if (setting.switch) {
      if (inline !== undefined) return { error: `${flag} takes no value` };
      env[setting.name] = '1';
      continue;
    }
    const value = inline ?? args[(index += 1)];
    if (value === undefined) return { error: `${flag} needs a value` };
    env[setting.name] = value;
  }
  return { env, mode: 'run' };
};
