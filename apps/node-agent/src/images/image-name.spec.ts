import { describe, expect, it } from '@jest/globals';

import { DOCKER_HUB, imageNameOf, wordsFor } from './image-name.js';
import { challengeOf } from './registry.js';

const asked = { server: DOCKER_HUB, repository: 'library/ubuntu', tag: 'latest' };
const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('the name of an image', () => {
  it.each([
    [{}, [DOCKER_HUB], 'library/ubuntu:latest'],
    [{ repository: 'ubuntu', tag: '' }, [DOCKER_HUB], 'library/ubuntu:latest'],
    [{ tag: DIGEST }, [DOCKER_HUB], `library/ubuntu@${DIGEST}`],
    [{ repository: `ubuntu@${DIGEST}` }, [DOCKER_HUB], `library/ubuntu@${DIGEST}`],
    [{}, ['https://mirror.example.com'], 'mirror.example.com/library/ubuntu:latest'],
    [{ server: 'http://[::1]:5000', repository: 'a' }, [DOCKER_HUB, 'http://[::1]:5000'], '[::1]:5000/a:latest'],
    [{ server: 'r.example.com', repository: 'a/b_c' }, ['https://r.example.com'], 'r.example.com/a/b_c:latest'],
    [{ repository: 'r.example.com:5000/a' }, [DOCKER_HUB, 'http://r.example.com:5000'], 'r.example.com:5000/a:latest'],
  ])('is read: %j on a node that asks %j', (change, registries, words) => {
    expect(wordsFor(imageNameOf({ ...asked, ...change }, registries))).toBe(words);
  });

  it.each([
    [{ repository: '../../etc' }],
    [{ repository: 'UPPER' }],
    [{ repository: '' }],
    [{ repository: 'a?b=c' }],
    [{ tag: '../x' }],
    [{ tag: 'sha256:short' }],
    [{ server: 'https://' }],
    [{ server: 'http://169.254.169.254' }],
    [{ server: 'http://registry-1.docker.io' }],
    [{ repository: 'other.example.com/a' }],
  ])('is refused: %j', (change) => {
    expect(() => imageNameOf({ ...asked, ...change }, [DOCKER_HUB])).toThrow(
      expect.objectContaining({ code: 'FX-IMAGE' }),
    );
  });

  it('is asked for as the challenge of its registry says', () => {
    const { scheme, parameters } = challengeOf('Bearer realm="https://auth.example.com/token",service="r e",scope="x"');
    expect([scheme, parameters.get('realm'), parameters.get('service')]).toEqual([
      'bearer',
      'https://auth.example.com/token',
      'r e',
    ]);
  });
});
