import { Controller, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { AuditAnswers, AuditRoute } from '@fornax/service-kit';
import { LedgerReader } from './ledger-reader.js';

type Reply = Parameters<AuditAnswers['send']>[0];

/** Lets an operator compare the ledger with the log. */
@ApiTags('billing')
@Controller('fornax/v1/billing')
export class BillAuditController {
  constructor(
    private readonly answers: AuditAnswers,
    private readonly ledger: LedgerReader,
  ) {}

  @AuditRoute(
    'Fold the bill from the log, and compare each line of the ledger with it',
    'what is in no line, in two, in one without a reason, or in one that differs',
  )
  audit(@Res() reply: Reply): void {
    this.answers.send(reply, () => this.ledger.auditor());
  }
}
