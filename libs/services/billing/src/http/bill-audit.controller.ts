import { Controller, Get, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { AuditAnswers, Audits } from '@fornax/service-kit';
import { LedgerAudits } from '../audit/ledger-auditor.js';

type Reply = Parameters<AuditAnswers['send']>[0];

/** Lets an operator compare the ledger with the log. */
@ApiTags('billing')
@Controller('fornax/v1/billing')
export class BillAuditController {
  constructor(
    private readonly answers: AuditAnswers,
    private readonly audits: LedgerAudits,
  ) {}

  @Get('audit')
  @Audits(
    'Fold the bill from the log, and compare each line of the ledger with it',
    'what is in no line, in two, in one without a reason, or in one that differs',
  )
  audit(@Res() reply: Reply): void {
    this.answers.send(reply, () => this.audits.begin());
  }
}
