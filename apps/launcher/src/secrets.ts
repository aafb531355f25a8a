import { randomBytes } from 'node:crypto';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { keyCommandOf, runKeyCommand } from '@fornax/base';
import {
  describeError,
  LOG_ACCOUNT,
  SetupError,
  type SecretFile,
  type SecretNeed,
  keepSecret,
  randomPassword,
  renewableSecret,
} from '@fornax/embedded';
import { STREAMS } from '@fornax/contracts';
import type { Places } from './environment.js';
import type { Screen } from './screen/screen.js';
import type { Env, Settings } from './settings.js';

const KEY_BYTES = 32;
const MASTER_KEY = {
  create: () => randomBytes(KEY_BYTES).toString('base64'),
  flawOf: (text: string) =>
    Buffer.from(text, 'base64').length === KEY_BYTES ? undefined : `does not hold ${KEY_BYTES} bytes in base64`,
};

/** A master key as it lies in its file: in clear, or as a command seals it. */
const masterKeyFor = (command: string | undefined, env: Env): Omit<SecretFile, 'path'> =>
  command === undefined
    ? MASTER_KEY
    : {
        create: () => {
          try {
            return runKeyCommand(keyCommandOf(command), 'encrypt', MASTER_KEY.create(), env);
          } catch (cause) {
            throw new SetupError(describeError(cause), undefined, { cause });
          }
        },
      };

const TOKEN = {
  create: randomPassword,
  flawOf: (text: string) => (/^\S{16,}$/.test(text) ? undefined : 'does not hold a token of at least 16 characters'),
};

/** What a renewed secret means for those who had the old one. */
const AFTERWARDS: Readonly<Record<string, string>> = {
  token: 'a new token is issued to the first user; the old one stays valid until it is revoked',
  'metrics-token': 'whoever reads the figures needs the new one',
  'nats.json': 'the local NATS server has new passwords; tools that hold an old one must read the file again',
  'nats-issuer.seed': 'nodes that joined keep their keys and connect as before',
};

/** The streams of an embedded server belong to its global account in folders of older releases. */
const ACCOUNTS = [LOG_ACCOUNT, '$G'];

const eventsFolder = (data: string, account: string): string =>
  join(data, 'nats', 'store', 'jetstream', account, 'streams', STREAMS.events);

/** The epoch of the event log in a data folder, as its stream was made with it; undefined when there is none. No server has to run. */
const epochIn = async (data: string): Promise<string | undefined> => {
  for (const account of ACCOUNTS) {
    const text = await readFile(join(eventsFolder(data, account), 'meta.inf'), 'utf8').catch(() => '');
    const [, epoch] = /Fornax event log, epoch ([0-9a-f-]{36})/.exec(text) ?? [];
    if (epoch !== undefined) return epoch;
  }
  return undefined;
};

/** Whether the event log in a data folder holds a message: a stream that was only made needs no key. */
const holdsEvents = async (data: string): Promise<boolean> => {
  for (const account of ACCOUNTS) {
    const folder = join(eventsFolder(data, account), 'msgs');
    for (const name of await readdir(folder).catch(() => []))
      if (name.endsWith('.blk') && (await stat(join(folder, name))).size > 0) return true;
  }
  return false;
};

/** The secrets of one platform that its launcher keeps: which must be there, and which are made again. */
export class Secrets {
  private hasEvents = false;
  private metrics: Promise<string | undefined> | undefined;

  constructor(
    private readonly data: string,
    private readonly places: Pick<Places, 'masterKeyFile' | 'tokenFile' | 'metricsTokenFile'>,
    private readonly context: { readonly settings: Settings; readonly env: Env; readonly screen: Screen },
  ) {}

  /**
   * Reads or makes what is there before any server starts.
   * @throws SetupError the data needs a secret that is gone or wrong
   */
  async prepare(): Promise<void> {
    this.hasEvents = await holdsEvents(this.data);
    const { settings } = this.context;
    // A key of somebody else's file is theirs to keep; the services say what is wrong with it.
    if (settings.FORNAX_MASTER_KEY === undefined && settings.FORNAX_MASTER_KEY_FILE === undefined)
      await keepSecret(
        { path: this.places.masterKeyFile, ...masterKeyFor(settings.FORNAX_MASTER_KEY_COMMAND, this.context.env) },
        this.hasEvents ? await this.needOfKey() : undefined,
      );
    await this.token();
    await this.metricsToken();
  }

  /** The token of the first user; the same at every start. */
  token(): Promise<string> {
    return renewableSecret({ path: this.places.tokenFile, ...TOKEN }, this.onRenewed('token'));
  }

  /** Shows why the platform is not ready, also while no account is known yet. Undefined when the services have one of their own. */
  metricsToken(): Promise<string | undefined> {
    // Once: services have it from their start, and a folder that is gone meanwhile must not be begun anew by a file of ours.
    return (this.metrics ??= this.readMetricsToken());
  }

  private async readMetricsToken(): Promise<string | undefined> {
    const { FORNAX_METRICS_TOKEN: own, FORNAX_METRICS_TOKEN_FILE: file } = this.context.env;
    if (own || file) return own || undefined;
    return renewableSecret({ path: this.places.metricsTokenFile, ...TOKEN }, this.onRenewed('metrics-token'));
  }

  /** Says that a file of the secrets folder was made anew, unless this is a first start, which makes all of them. */
  onRenewed(name: string): (flaw: string) => void {
    return (flaw) => {
      if (!this.hasEvents) return;
      this.context.screen.say(`warning: secrets/${name} ${flaw}. A new one was made: ${AFTERWARDS[name] ?? ''}.`);
    };
  }

  /** Undefined once an operator has given up the key of exactly this log: a new one is made then. */
  private async needOfKey(): Promise<SecretNeed | undefined> {
    const epoch = await epochIn(this.data);
    const given = this.context.settings.FORNAX_MASTER_KEY_LOST;
    if (epoch !== undefined && given === epoch) {
      this.context.screen.say(
        'warning: the master key is given up. What was sealed with it stays closed for ever: docs/how-to/recover.md.',
      );
      return undefined;
    }
    return {
      neededBy: `what the event log in ${join(this.data, 'nats')} holds sealed (tokens, secrets of tasks, webhooks)`,
      otherwise:
        'FORNAX_MASTER_KEY or FORNAX_MASTER_KEY_FILE may name it instead.' +
        (epoch === undefined
          ? ''
          : ` If it is lost for good, start once with FORNAX_MASTER_KEY_LOST=${epoch}: see docs/how-to/recover.md.`),
    };
  }
}
