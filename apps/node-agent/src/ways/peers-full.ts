/** Another instance of the task cannot be connected to: as many connections are open as there may be. */
export class PeersFull extends Error {
  override readonly name = 'PeersFull';
}
