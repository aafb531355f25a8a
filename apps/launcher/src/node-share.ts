/** What a machine has, or a node of it offers. */
export interface Share {
  readonly cores: number;
  readonly memoryMB: number;
  /** Room for files of instances, in megabytes of a million bytes; absent: not known. */
  readonly diskMB?: number;
}

/**
 * What one of several nodes offers of their machine, so that all of them together offer it once: whole cores, the first nodes one more where they
 * do not come out even, and memory and disk in equal parts. More nodes than cores offer a core each all the same.
 * @param index from 0
 */
export const shareOf = ({ cores, memoryMB, diskMB }: Share, nodes: number, index: number): Share => ({
  cores: Math.max(1, Math.floor(cores / nodes) + (index < cores % nodes ? 1 : 0)),
  memoryMB: Math.max(1, Math.floor(memoryMB / nodes)),
  // None would mean all of it to a node.
  ...(diskMB === undefined ? {} : { diskMB: Math.max(1, Math.floor(diskMB / nodes)) }),
});
