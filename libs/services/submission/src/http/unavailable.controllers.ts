import { All, Controller } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { NotBuilt } from '@fornax/base';

/** Answered so that a client learns what is missing, and does not try again. */
@ApiExcludeController()
@Controller()
export class NotBuiltController {
  @All(['secrets-manager', 'secrets-manager/*'])
  secrets(): never {
    throw new NotBuilt('The secrets manager');
  }
}
