import type { Socket } from 'node:net';

const NEWLINE = 10;

/**
 * Reads the first line of a connection, and leaves what comes after it there.
 * @returns undefined when it ends, is longer, or does not come in time; the connection is closed then
 */
export const firstLine = (
  socket: Socket,
  { mostChars, withinMs }: { readonly mostChars: number; readonly withinMs: number },
): Promise<string | undefined> =>
  new Promise((resolve) => {
    let got: Buffer = Buffer.alloc(0);
    const settle = (line: string | undefined): void => {
      clearTimeout(deadline);
      socket.off('readable', read).off('close', fail).off('end', fail);
      if (line === undefined) socket.destroy();
      resolve(line);
    };
    const fail = (): void => settle(undefined);
    const deadline = setTimeout(fail, withinMs);
    const read = (): void => {
      for (let part: unknown = socket.read(); Buffer.isBuffer(part); part = socket.read()) {
        got = Buffer.concat([got, part]);
        const end = got.indexOf(NEWLINE);
        if (end < 0 ? got.length > mostChars : end > mostChars) return fail();
        if (end < 0) continue;
        const rest = got.subarray(end + 1);
        if (rest.length > 0) socket.unshift(rest);
        return settle(got.toString('latin1', 0, end));
      }
    };
    socket.on('readable', read).once('close', fail).once('end', fail);
  });

/** Calls for each line of a connection from now on. One that is longer closes it. */
export const eachLine = (socket: Socket, mostChars: number, hear: (line: string) => void): void => {
  let rest = '';
  socket.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > mostChars) return void socket.destroy();
    for (const line of lines) hear(line);
  });
  socket.resume();
};
