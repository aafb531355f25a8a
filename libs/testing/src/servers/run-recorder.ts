import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

/** One run of an instance as it was seen from outside. Times are seconds since the machine's boot, as the instance itself read them. */
export interface RecordedRun {
  readonly key: string;
  readonly instance: number;
  readonly from: number;
  /** The last sign of life so far. */
  readonly until: number;
  /** It came to the end of its command. */
  readonly isDone: boolean;
  /** Its connection stands: its process exists. */
  readonly isOpen: boolean;
  /** What it wanted to be remembered, such as a checksum. */
  readonly notes: readonly string[];
}

/** How a recorded command works between its first and its last word. */
export interface RecordedWork {
  /** How long it runs, in milliseconds; `held` until `release`. */
  readonly lastsMs: number | 'held';
  /** Lines for bash, without single quotes and `${...}`; `note <text>` tells the recorder something. Run before the waiting. */
  readonly script?: string;
}

/**
 * A server outside of the platform, to which each run of an instance holds a connection for as long as it exists. It knows of runs that nobody
 * reports, and of two at one time: each sign of life carries the instance's own reading of the machine's uptime, which no clock step moves and
 * which does not depend on when the recorder comes to read it.
 */
export interface RunRecorder {
  readonly port: number;
  /** The command (words of a shell, for DOCKER_CMD) of the instances of one task. Needs bash on the node, and its loopback interface. */
  commandOf(key: string, work: RecordedWork): string;
  /** Ends what is held, now and later. */
  release(key: string): void;
  runs(): readonly RecordedRun[];
  close(): Promise<void>;
}

interface Live {
  key: string;
  instance: number;
  from: number;
  until: number;
  isDone: boolean;
  isOpen: boolean;
  notes: string[];
}

/** Between two signs of life of a run. */
const TICK_SECONDS = '0.1';

const scriptOf = (port: number, key: string, work: string): string =>
  [
    `exec 3<>/dev/tcp/127.0.0.1/${port} || exit 90`,
    'up() { read -r at rest < /proc/uptime; }',
    'note() { echo "note $*" >&3; }',
    `up; echo "run ${key} $INSTANCE_ID $at" >&3`,
    work,
    // Whatever comes is the end: on a busy machine the time may be over in the middle of a word, and its rest would be no word.
    'word=',
    `until [ "$word" ]; do read -t ${TICK_SECONDS} -r word <&3; up; echo "tick $at" >&3; done`,
    // Until the recorder has heard it and hangs up: who leaves with something unread resets the connection, and the last word may be lost.
    'up; echo "done $at" >&3; read -t 20 -r -d "" rest <&3',
    'true',
  ]
    .filter((line) => line !== '')
    .join('\n');

/** @throws Error the script could not be handed over in quotes */
const quoted = (script: string): string => {
  if (/'|\$\{/.test(script)) throw new Error(`neither single quotes nor references in a recorded script: ${script}`);
  return `bash -c '${script}'`;
};

const OPENING = /^run (\S+) (\d+) ([\d.]+)$/;
const SIGN = /^(tick|done) ([\d.]+)$/;

export const startRunRecorder = async (): Promise<RunRecorder> => {
  const runs: Live[] = [];
  const works = new Map<string, RecordedWork>();
  const released = new Set<string>();
  const sockets = new Map<Socket, Live | undefined>();
  const timers = new Set<NodeJS.Timeout>();

  const end = (socket: Socket): void => void (socket.writable && socket.write('end\n'));
  const endLater = (socket: Socket, key: string): void => {
    const { lastsMs } = works.get(key) ?? { lastsMs: 0 };
    if (released.has(key)) return end(socket);
    if (lastsMs === 'held') return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      end(socket);
    }, lastsMs);
    timers.add(timer);
  };

  const take = (socket: Socket, line: string): void => {
    const opening = OPENING.exec(line);
    if (opening) {
      const [, key = '', instance, at] = opening;
      const from = Number(at);
      const run = { key, instance: Number(instance), from, until: from, isDone: false, isOpen: true, notes: [] };
      runs.push(run);
      sockets.set(socket, run);
      return endLater(socket, key);
    }
    const run = sockets.get(socket);
    const [, sign, at] = SIGN.exec(line) ?? [];
    if (!run) return;
    if (line.startsWith('note ')) run.notes.push(line.slice(5));
    if (at === undefined) return;
    run.until = Number(at);
    if (sign !== 'done') return;
    run.isDone = true;
    socket.end();
  };

  const server = createServer((socket) => {
    sockets.set(socket, undefined);
    let text = '';
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      const lines = (text + chunk.toString('latin1')).split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) take(socket, line);
    });
    socket.on('close', () => {
      const run = sockets.get(socket);
      if (run) run.isOpen = false;
      sockets.delete(socket);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    port,
    commandOf: (key, work) => {
      if (!/^[\w.-]+$/.test(key)) throw new Error(`a key of a recorded task is one word: ${key}`);
      works.set(key, work);
      return quoted(scriptOf(port, key, work.script ?? ''));
    },
    release: (key) => {
      released.add(key);
      for (const [socket, run] of sockets) if (run?.key === key) end(socket);
    },
    runs: () => runs.map((run) => ({ ...run, notes: [...run.notes] })),
    close: async () => {
      for (const timer of timers) clearTimeout(timer);
      for (const socket of sockets.keys()) socket.destroy();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
};
