import { describe, expect, it } from '@jest/globals';
import { routeOf } from './routes.js';

const serviceOf = (url: string): string | undefined => {
  const route = routeOf(url);
  return route.to === 'service' ? route.service : undefined;
};

describe('routeOf', () => {
  it.each([
    ['/tasks', 'submission'],
    ['//tasks?tag=a', 'submission'],
    ['/v1/tasks/x/abort', 'submission'],
    ['/tasks/x/snapshot', 'snapshot'],
    ['/fornax/v1/tasks/x/snapshots/y/files', 'snapshot'],
    ['/fornax/v1/tasks/snapshots', 'submission'],
    ['/v1//Tasks/x/Snapshot/periodic', 'snapshot'],
    ['/tasks/snapshot', 'submission'],
    ['/secrets-manager/data/credits/v1', 'submission'],
    ['/hardware-constraints?limit=1', 'node-registry'],
    ['/fornax/v1/nodes/n', 'node-registry'],
    ['/fornax/v1/buckets', 'storage'],
    ['/Credits/v1/tasks/x/credits', 'billing'],
    ['/carbon/v1/Tasks/x/carbon-facts', 'billing'],
    ['/fornax/v1/scheduling/tasks/x', 'scheduler'],
    ['/v1/network/tasks/x/port-forward', 'submission'],
    ['/', 'submission'],
    ['/creditsandmore', 'submission'],
  ])('sends %s to %s', (url, service) => expect(serviceOf(url)).toBe(service));

  it('answers for all what is about all', () => {
    expect(routeOf('/fornax/v1/log/quarantine/events-1/drop')).toEqual({ to: 'service', service: 'scheduler' });
    expect(routeOf('/health/ready')).toEqual({ to: 'all', what: 'ready' });
    expect(routeOf('/openapi.json')).toEqual({ to: 'all', what: 'openapi' });
    expect(routeOf('/fornax/v1/projections/')).toEqual({ to: 'all', what: 'projections' });
    expect(routeOf('/metrics')).toEqual({ to: 'self', what: 'metrics' });
  });

  it('looks for the owner of a projection by its name', () =>
    expect(routeOf('/fornax/v1/Projections/Task%20Status/rebuild?verify=true')).toEqual({
      to: 'owner-of-projection',
      name: 'Task Status',
    }));
});
