import type { Provider, Type } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { Projection } from '@fornax/projections';
import type { DataSource } from 'typeorm';
import { ProjectionHost, type HostedProjection } from './projection-host.js';

/**
 * Providers that put a projection class under the host's care; spread them into the service module's `providers`, beside
 * `imports: [serviceDatabase(service, migrations)]`. Ask for its runner by name: `host.runner('status')`, or for its barrier: `barriers.of('status')`.
 */
export const provideProjection = (service: string, projection: Type<Projection>): readonly Provider[] => [
  projection,
  {
    provide: `fornax.hosted-projection.${service}.${projection.name}`,
    inject: [ProjectionHost, projection, getDataSourceToken(service)],
    useFactory: (host: ProjectionHost, instance: Projection, db: DataSource): HostedProjection =>
      host.add(service, db, instance),
  },
];
