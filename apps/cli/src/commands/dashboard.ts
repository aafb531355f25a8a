import type { Command } from 'commander';
import type { Io } from '../terminal/io.js';

/** `fornax dashboard`. */
export const addDashboardCommand = (program: Command, io: Io): void => {
  program
    .command('dashboard')
    .description('print a link that signs you in to the dashboard, once, within ten minutes')
    .action(async () => {
      const client = io.client();
      const { path, expirationDate } = await client.people.signInLink();
      io.tell(`signs you in once, until ${expirationDate}:`);
      io.print(new URL(path, client.url).href);
    });
};
