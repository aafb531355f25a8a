import { All, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import {
  ApiForbiddenResponse,
  ApiExcludeController,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { pageOf, pageRequestSchema, type Page, type PageRequest } from '@fornax/contracts';
import { WireBody } from '@fornax/service-kit';
import { NotBuilt, NotFound } from '@fornax/base';
import { z } from 'zod';

const emptyList = z.array(z.unknown()).max(0);
const emptyPageSchema = pageOf(z.unknown());

const emptyPage = (token: string | undefined): Page<never> => ({
  data: [],
  token: token ?? null,
  nextToken: null,
  isTruncated: false,
  count: 0,
  total: 0,
});

/** There are no pools yet: lists are empty, none is found, none can be made. `/pool` is what one client says (contract, 5.28). */
@ApiTags('pools')
@Controller(['pools', 'pool'])
export class PoolsController {
  @Get(['', 'summaries'])
  @ApiOperation({ summary: 'None, in this version' })
  @ApiOkResponse({ standardSchema: emptyList })
  list(): readonly never[] {
    return [];
  }

  @Post('search')
  @HttpCode(200)
  @ApiOperation({ summary: 'None, in this version' })
  @ApiOkResponse({ standardSchema: emptyList })
  search(): readonly never[] {
    return [];
  }

  @Post(['paginate', 'summaries/paginate'])
  @HttpCode(200)
  @ApiOperation({ summary: 'An empty page, in this version' })
  @ApiOkResponse({ standardSchema: emptyPageSchema })
  page(@WireBody(pageRequestSchema) { token }: PageRequest): Page<never> {
    return emptyPage(token);
  }

  @Post()
  @ApiOperation({ summary: 'Not built in this version: answers 403' })
  @ApiForbiddenResponse()
  create(): never {
    throw new NotBuilt('A pool');
  }

  @All([':id', ':id/*'])
  @ApiOperation({ summary: 'There is none in this version: answers 404' })
  @ApiNotFoundResponse()
  none(@Param('id') id: string): never {
    throw new NotFound(`No such pool: ${id}`);
  }
}

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
