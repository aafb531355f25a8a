/** Settings for one small machine: a few hundred megabytes, two cores, some dozens of connections of one application. */
export interface PostgresTuning {
  readonly port: number;
  /** false only where the data may be lost, as in tests: nothing is flushed to disk. */
  readonly durable: boolean;
  /** Folder of the server's socket beside its TCP port; absent: TCP alone. */
  readonly socketFolder?: string;
}

/** Longest path of a socket, in bytes (sockaddr_un, without its end). */
const MAX_SOCKET_PATH = 107;

/** The socket that the server makes in a folder, and that a client looks for there. */
const socketPath = (folder: string, port: number): string => `${folder}/.s.PGSQL.${port}`;

/** Whether the path of a socket in a folder is short enough, whatever the port. */
export const fitsSocket = (folder: string): boolean => Buffer.byteLength(socketPath(folder, 65_535)) <= MAX_SOCKET_PATH;

/** The command line settings of the server; they outrank its configuration files, which stay as initdb wrote them. */
export const postgresSettings = ({ port, durable, socketFolder = '' }: PostgresTuning): readonly string[] => {
  const settings: Readonly<Record<string, string | number>> = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: socketFolder,
    max_connections: 200,
    shared_buffers: '128MB',
    work_mem: '16MB',
    maintenance_work_mem: '64MB',
    effective_cache_size: '1GB',
    wal_buffers: '8MB',
    min_wal_size: '64MB',
    max_wal_size: '1GB',
    checkpoint_timeout: '15min',
    checkpoint_completion_target: 0.9,
    random_page_cost: 1.1,
    // A container's /dev/shm may be 64 MB: no parallel workers, so no shared segments beyond the main one.
    max_parallel_workers_per_gather: 0,
    max_parallel_maintenance_workers: 0,
    jit: 'off',
    wal_level: 'minimal',
    max_wal_senders: 0,
    log_min_messages: 'warning',
    log_checkpoints: 'off',
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
};

/** Version of the data folder format, the first number of PostgreSQL's version: "18" from "postgres (PostgreSQL) 18.4". */
export const majorVersion = (text: string): string | undefined => /(\d+)(?:\.\d+|beta|rc|devel|\s*$)/.exec(text)?.[1];
