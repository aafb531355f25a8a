import { Controller, Get } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { HardwareConstraint } from '@fornax/domain';
import { ZodQuery } from '@fornax/service-kit';
import { NotFound } from '@fornax/base';
import { z } from 'zod';
import { constraintsOf, searchCpuModels } from '../fleet/constraints.js';
import { FleetReader } from './fleet-reader.js';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;

/** Query keys come in any case; service-kit adds them in lower case. */
const pageSchema = z.object({
  offset: z.coerce.number().int().min(0).default(0),
  /** 0 asks for the default, like no limit at all. */
  limit: z.coerce.number().int().min(0).default(0),
});
type PageQuery = z.output<typeof pageSchema>;

const searchSchema = z.object({ cpumodel: z.string('cpuModel is required').trim().min(1, 'cpuModel is required') });
type SearchQuery = z.output<typeof searchSchema>;

const constraintAnswerSchema = z.looseObject({ discriminator: z.string() });
const constraintPageSchema = z.object({
  data: z.array(constraintAnswerSchema),
  offset: z.int().min(0),
  limit: z.int().min(1),
  total: z.int().min(0),
});

/** An offset page (contract, section 1.11). `limit` is the effective page size: clients add it to the offset to go on. */
export interface ConstraintPage {
  readonly data: readonly HardwareConstraint[];
  readonly offset: number;
  readonly limit: number;
  readonly total: number;
}

/** What hardware a task may ask for (contract, section 2.6). */
@ApiTags('hardware constraints')
@Controller('hardware-constraints')
export class HardwareConstraintsController {
  constructor(private readonly fleet: FleetReader) {}

  @Get()
  @ApiOperation({ summary: 'The hardware constraints that nodes of this platform meet' })
  @ApiOkResponse({ standardSchema: constraintPageSchema })
  async list(@ZodQuery(pageSchema) query: PageQuery): Promise<ConstraintPage> {
    const all = constraintsOf(await this.fleet.hardware());
    const { offset } = query;
    const limit = Math.min(query.limit > 0 ? query.limit : DEFAULT_LIMIT, MAX_LIMIT);
    return { data: all.slice(offset, offset + limit), offset, limit, total: all.length };
  }

  @Get('cpu-model-constraints/search')
  @ApiOperation({ summary: 'CPU models that match a text, the best match first' })
  @ApiQuery({ name: 'cpuModel', description: 'Part of a model name' })
  @ApiOkResponse({ standardSchema: z.array(constraintAnswerSchema) })
  @ApiNotFoundResponse({ description: 'Nothing matches' })
  async search(@ZodQuery(searchSchema) { cpumodel }: SearchQuery): Promise<readonly HardwareConstraint[]> {
    const found = searchCpuModels(await this.fleet.hardware(), cpumodel);
    if (found.length === 0) throw new NotFound(`No CPU model matches ${cpumodel}`);
    return found;
  }
}
