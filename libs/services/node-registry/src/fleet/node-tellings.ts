import type { CommitMeta } from '@fornax/contracts';
import type { NodeEvent } from '@fornax/domain';
import type { Logger } from 'pino';

type Telling = readonly [level: 'info' | 'warn', text: string, facts?: object];

const tellingOf = (event: NodeEvent): Telling => {
  switch (event.type) {
    case 'NodeJoined':
      return ['info', 'a node has joined', { epoch: event.epoch, driver: event.driver }];
    case 'NodeLost':
      return [event.cause === 'left' ? 'info' : 'warn', 'a node is lost', { epoch: event.epoch, cause: event.cause }];
    case 'NodeDrained':
      return ['info', 'a node takes no new instances'];
    case 'NodeResumed':
      return ['info', 'a node takes instances again'];
    case 'NodeDiskFilled':
      return ['warn', 'the disk of a node is full: it is given no new instances', { epoch: event.epoch }];
    case 'NodeDiskFreed':
      return ['info', 'the disk of a node has room again', { epoch: event.epoch }];
    case 'NodeRetired':
      return ['warn', 'a node is retired for good'];
    case 'NodeCredentialIssued':
      return ['info', 'a node has got a credential'];
    case 'NodeCredentialRotated':
      return ['info', 'a node uses its new credential'];
    case 'NodeRotationRequested':
      return ['info', 'a node is asked to change its credential'];
    case 'NodeCredentialsRevoked':
      return ['warn', 'the credentials of a node are revoked'];
  }
};

/** One line for an event of a node: what, who and why. */
export const tellOf = (logger: Logger, nodeId: string, event: NodeEvent, { actor, reason }: CommitMeta): void => {
  const [level, text, facts = {}] = tellingOf(event);
  logger[level]({ nodeId, event: event.type, actor, ...(reason === undefined ? {} : { reason }), ...facts }, text);
};
