/**
 * Gives the memory of bytes back that nobody reads any more, where they are all of their buffer. The collector of garbage would count what waits for
 * it, and go through the whole heap for every 64 MiB that pass.
 */
export const discard = ({ buffer, byteLength }: Uint8Array): void => {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
};
