import { Controller, Get, HttpCode, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { keyRotationSchema, keyStandSchema, type WireKeyRotation, type WireKeyStand } from '@fornax/contracts';
import { CurrentContext, OperatorOnly, type RequestContext } from '@fornax/identity';
import { WireBody } from '@fornax/service-kit';
import { z } from 'zod';
import { KeyRotation } from '../commands/key-rotation.js';

const stepSchema = z.object({ after: z.string().max(128).optional() });

/** The master key, for operators. */
@ApiTags('operations')
@OperatorOnly()
@Controller('fornax/v1/keys')
export class KeysController {
  constructor(private readonly rotation: KeyRotation) {}

  @Get()
  @ApiOperation({ summary: 'The master key that seals now, by its id, and how many data keys another one has sealed' })
  @ApiOkResponse({ standardSchema: keyStandSchema })
  stand(): Promise<WireKeyStand> {
    return this.rotation.stand();
  }

  @Post('rotate')
  @HttpCode(200)
  @ApiOperation({
    summary:
      'Seal some data keys by the newest master key; to be repeated with `after` of the answer until that is null',
  })
  @ApiOkResponse({ standardSchema: keyRotationSchema })
  async rotate(
    @WireBody(stepSchema) { after = '' }: z.output<typeof stepSchema>,
    @CurrentContext() context: RequestContext,
  ): Promise<WireKeyRotation> {
    const { rotated, closed, last } = await this.rotation.step(after, context);
    return { rotated, closed, after: last, ...(await this.rotation.stand()) };
  }
}
