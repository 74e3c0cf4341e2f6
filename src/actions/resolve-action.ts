import { type Caller, ownIdOf } from '../access/caller';
import { checkBounds, text } from '../bounds';
import type { ActionOutcome, ResolveAction } from '../ledger/commands';
import type { Ledger } from '../ledger/ledger';

const RESOLUTION_BOUNDS = { reason: text({ max: 500 }) };

interface Resolution {
  readonly actionId: string;
  readonly reason?: string | null;
}

/** Resolving actions that were opened before. The codes that each may end with stand in the ledger's decide.actions.ts. */
export class ResolveActions {
  constructor(private readonly ledger: Ledger) {}

  capture(caller: Caller, input: Resolution): Promise<ActionOutcome> {
    return this.submit('CAPTURE', caller, input);
  }

  void(caller: Caller, input: Resolution): Promise<ActionOutcome> {
    return this.submit('VOID', caller, input);
  }

  refund(caller: Caller, input: Resolution): Promise<ActionOutcome> {
    return this.submit('REFUND', caller, input);
  }

  private async submit(kind: ResolveAction['kind'], caller: Caller, input: Resolution): Promise<ActionOutcome> {
    checkBounds(input, RESOLUTION_BOUNDS);
    const { ownerId, number } = ownIdOf(caller, 'action', input.actionId);
    return this.ledger.submit({
      kind,
      ownerId,
      actionSequence: number,
      withinAppId: caller.appId,
      reason: input.reason ?? null,
    });
  }
}
