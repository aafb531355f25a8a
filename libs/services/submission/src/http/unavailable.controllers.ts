import { All, Controller } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { NotBuilt } from '@fornax/base';

/** Answered so that a client learns what is missing, and does not try again. */
@ApiExcludeController()
@Controller()
export class NotBuiltController {
  @All(['fornax/v1/jobs/:id/graph', 'fornax/v1/jobs/:id/events'])
  jobGraph(): never {
    throw new NotBuilt('The graph and the history of a job');
  }

  @All([
    'fornax/v1/jobs/:id/clone',
    'fornax/v1/jobs/:id/retry',
    'fornax/v1/jobs/:id/resume',
    'fornax/v1/jobs/:id/recover',
  ])
  jobRepetition(): never {
    throw new NotBuilt('Running a whole job again');
  }

  @All(['secrets-manager', 'secrets-manager/*'])
  secrets(): never {
    throw new NotBuilt('The secrets manager');
  }
}
