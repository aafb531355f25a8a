import type { AccountEvent, OrganisationCommand } from './account.events.js';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { specFor } from '../specs/given.fixture.js';
import { organisationDecider } from './organisation.decider.js';
import { slugOf } from './projects.js';
import { changedQuotas, quotasOfPlan, sameQuotas, type StorageQuotaChange, type StorageQuotas } from './quotas.js';

const at = 1_000;
const { given } = specFor(organisationDecider);
const quotas = { maxInstances: 10, maxCores: 20 };
const facts = { organisationId: 'o', name: 'Acme', quotas, at };
const created: AccountEvent = { type: 'OrganisationCreated', ...facts };
const create = (name: string, slug?: string): OrganisationCommand => ({
  type: 'CreateProject',
  projectId: 'p',
  name,
  ...(slug === undefined ? {} : { slug }),
  description: 'd',
  at,
});
const made = (projectId: string, slug: string): AccountEvent => ({
  type: 'ProjectCreated',
  projectId,
  ownerId: 'o',
  ownerKind: 'organisation',
  name: 'Wind',
  slug,
  description: '',
  at,
});

describe('an organisation', () => {
  it('is created once', () => {
    given()
      .when({ type: 'CreateOrganisation', ...facts })
      .then(created);
    given(created)
      .when({ type: 'CreateOrganisation', ...facts })
      .thenRejected('organization-exists');
    given().when(create('x')).thenRejected('organization-not-found');
  });

  it('has ceilings of its own, and none on what only accounts have', () => {
    given(created)
      .when({ type: 'ChangeOrganisation', quotas: { maxCores: 5, maxTasks: 3, flex: { maxInstances: 1 } }, at })
      .then({
        type: 'OrganisationQuotasChanged',
        organisationId: 'o',
        quotas: { maxInstances: 10, maxCores: 5, flex: { maxInstances: 1, maxCores: 5 } },
        at,
      });
    given(created)
      .when({ type: 'ChangeOrganisation', quotas: { maxObjects: 9 }, at })
      .then({
        type: 'OrganisationQuotasChanged',
        organisationId: 'o',
        quotas: { maxInstances: 10, maxCores: 20, maxObjects: 9 },
        at,
      });
    given(created)
      .when({ type: 'ChangeOrganisation', quotas: { maxCores: 20 }, at })
      .thenNothing();
  });

  it('shares projects, each with a slug that no open one has', () => {
    const project = { type: 'ProjectCreated', projectId: 'p', ownerId: 'o', ownerKind: 'organisation' } as const;
    given(created)
      .when(create('Été à Paris!'))
      .then({ ...project, name: 'Été à Paris!', slug: 'ete-a-paris', description: 'd', at });
    given(created, made('q', 'wind'), made('r', 'wind-2'))
      .when(create('Wind'))
      .then({ ...project, name: 'Wind', slug: 'wind-3', description: 'd', at });
    given(created, made('q', 'wind')).when(create('W', 'wind')).thenRejected('slug-taken');
    given(created, made('q', 'wind'), { type: 'ProjectArchived', projectId: 'q', at })
      .when(create('W', 'wind'))
      .then({ ...project, name: 'W', slug: 'wind', description: 'd', at });
    given(created, made('p', 'wind')).when(create('Other')).thenRejected('project-exists');
  });

  it('renames a project and leaves its slug', () => {
    given(created, made('q', 'wind'))
      .when({ type: 'RenameProject', projectId: 'q', description: 'new', at })
      .then({ type: 'ProjectRenamed', projectId: 'q', name: 'Wind', description: 'new', at });
    given(created).when({ type: 'RenameProject', projectId: 'q', name: 'x', at }).thenRejected('project-not-found');
  });

  it('archives a project, once, and renames it no more', () => {
    const archived: AccountEvent = { type: 'ProjectArchived', projectId: 'q', at };
    given(created, made('q', 'wind')).when({ type: 'ArchiveProject', projectId: 'q', at }).then(archived);
    given(created, made('q', 'wind'), archived).when({ type: 'ArchiveProject', projectId: 'q', at }).thenNothing();
    given(created, made('q', 'wind'), archived)
      .when({ type: 'RenameProject', projectId: 'q', name: 'x', at })
      .thenRejected('project-archived');
  });

  it('bounds what a project may hold, an archived one too; null lifts a ceiling', () => {
    const change = (quotas: StorageQuotaChange) =>
      ({ type: 'ChangeProjectQuotas', projectId: 'q', quotas, at }) as const;
    const changed = (quotas: StorageQuotas) => ({ type: 'ProjectQuotasChanged', projectId: 'q', quotas, at }) as const;
    const wind = made('q', 'wind');
    const bound = changed({ maxObjects: 5, maxBuckets: 0 });
    given(created, wind, { type: 'ProjectArchived', projectId: 'q', at })
      .when(change({ maxObjects: 5 }))
      .then(changed({ maxObjects: 5 }));
    given(created, wind, bound)
      .when(change({ maxStorageBytes: 9, maxObjects: null }))
      .then(changed({ maxBuckets: 0, maxStorageBytes: 9 }));
    given(created, wind, bound)
      .when(change({ maxObjects: 5, maxStorageBytes: null }))
      .thenNothing();
    given(created)
      .when(change({ maxObjects: 5 }))
      .thenRejected('project-not-found');
  });

  it('has two hundred open projects at most', () => {
    const many = Array.from({ length: 200 }, (_, i) => made(`p${i}`, `s${i}`));
    given(created, ...many)
      .when(create('one more'))
      .thenRejected('too-many-projects');
  });
});

describe('a slug', () => {
  it('is a DNS label, whatever the name', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        expect(slugOf(name)).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
      }),
    ));
  it('is its own slug', () =>
    fc.assert(fc.property(fc.string(), (name) => expect(slugOf(slugOf(name))).toBe(slugOf(name)))));
});

describe('quotas', () => {
  const count = fc.nat();
  const planQuotas = fc.record({ maxInstances: count, maxCores: count });
  const ceilings = fc.record(
    { maxInstances: count, maxCores: count, flex: planQuotas, onDemand: planQuotas },
    { requiredKeys: ['maxInstances', 'maxCores'] },
  );

  it('are, after a change to others, those others', () =>
    fc.assert(
      fc.property(ceilings, ceilings, (before, change) => {
        const after = changedQuotas(before, change);
        expect(after).toMatchObject(change);
        expect(sameQuotas(changedQuotas(after, change), after)).toBe(true);
      }),
    ));
  it('never let one plan have more than the whole', () =>
    fc.assert(
      fc.property(ceilings, fc.constantFrom('flex' as const, 'onDemand' as const), (quotas, plan) => {
        const { maxInstances, maxCores } = quotasOfPlan(quotas, plan);
        expect(maxInstances).toBeLessThanOrEqual(quotas.maxInstances);
        expect(maxCores).toBeLessThanOrEqual(quotas.maxCores);
      }),
    ));
});
