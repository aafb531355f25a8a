import { describe, expect, it } from '@jest/globals';

import { readSs, readTcpInodes } from './tcp-use.js';

describe('the bytes of connections', () => {
  it('are read by socket, without what was sent again', () => {
    const text = [
      'ESTAB 0 0 127.0.0.1:1 127.0.0.1:2 timer:(keepalive,1min,0) ino:563265 sk:1001 cgroup:/ <-> ts sack bytes_sent:700 bytes_retrans:100 bytes_acked:600 bytes_received:42 segs_out:1',
      'ESTAB 0 0 127.0.0.1:1 127.0.0.1:3 ino:7 sk:2 <-> cubic',
      'TIME-WAIT 0 0 127.0.0.1:1 127.0.0.1:4 ino:0 sk:3 bytes_acked:9',
      '',
    ].join('\n');
    expect([...readSs(text)]).toEqual([
      ['563265', { receivedBytes: 42, sentBytes: 600 }],
      ['7', { receivedBytes: 0, sentBytes: 0 }],
    ]);
  });

  it('belong to the sockets that the kernel lists', () =>
    expect(
      readTcpInodes(
        '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n' +
          '   0: 0100007F:5C23 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 561395 1 0000 100 0\n',
      ),
    ).toEqual(['561395']));
});
