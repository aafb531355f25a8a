import type { WireTask } from '@fornax/contracts';
import type { TaskSpec } from '@fornax/domain';
import { masked } from '../model/secret-constants.js';
import type { Echo } from '../model/task-spec.js';

type Asked = 'constants' | 'forcedConstants' | 'constraints' | 'secretsAccessRights' | 'tags' | 'labels';

/** Shows what was asked for tasks and pools alike; values of secrets are masked. */
export const askedView = (
  spec: Pick<TaskSpec, 'constants' | 'tags' | 'labels'>,
  echo: Pick<Echo, 'forcedConstants' | 'constraints' | 'secretsAccessRights'>,
): Pick<WireTask, Asked> => ({
  constants: masked(spec.constants),
  forcedConstants: echo.forcedConstants ?? [],
  constraints: echo.constraints ?? [],
  secretsAccessRights: {
    bySecret: echo.secretsAccessRights?.bySecret ?? [],
    byPrefix: echo.secretsAccessRights?.byPrefix ?? [],
  },
  tags: [...spec.tags],
  labels: spec.labels,
});
