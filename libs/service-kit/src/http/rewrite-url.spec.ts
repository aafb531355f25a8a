import { describe, expect, it } from '@jest/globals';
import { rewriteUrl } from './rewrite-url.js';

describe('rewriteUrl', () => {
  it.each([
    ['/tasks', '/tasks'],
    ['/', '/'],
    ['//tasks', '/tasks'],
    ['/v1//tasks', '/tasks'],
    ['/v1', '/'],
    ['/v1/', '/'],
    ['/v1/tasks/', '/tasks'],
    ['/V1/Tasks', '/Tasks'],
    ['/jobs/', '/jobs'],
    ['/v10/tasks', '/v10/tasks'],
    ['/credits/v1/accounts/credits', '/credits/v1/accounts/credits'],
    ['/fornax/v1//nodes/', '/fornax/v1/nodes'],
  ])('turns %s into %s', (url, expected) => expect(rewriteUrl(url)).toBe(expected));

  it('keeps the version of the one route whose name it is part of', () =>
    expect(rewriteUrl('/v1/network/tasks/x/port-forward')).toBe('/v1/network/tasks/x/port-forward'));

  it('leaves the query alone', () => expect(rewriteUrl('/v1//tasks/?tag=a//b/')).toBe('/tasks?tag=a//b/'));

  it('leaves the keys of secrets alone', () => {
    expect(rewriteUrl('//v1/secrets-manager/data/a//b/')).toBe('/secrets-manager/data/a//b/');
    expect(rewriteUrl('/secrets-manager/search/')).toBe('/secrets-manager/search/');
  });
});
