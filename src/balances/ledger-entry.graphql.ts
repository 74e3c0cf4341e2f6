import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';
import { IntegrationActionType } from '../actions/action.graphql';
import { AllowedTo, MANAGERS } from '../graphql/access';
import { connectionTypes, Node } from '../graphql/node.graphql';
import { DateTime, SafeInt } from '../graphql/scalars';
import type { LedgerEntry, LedgerEntryKind } from '../ledger/pool';
import { publicId } from '../public-id';
import { GrantType } from './balance.graphql';

const KINDS: Readonly<Record<LedgerEntryKind, string>> = {
  GRANT: 'Credits were added: available rises.',
  DEBIT: 'An action was charged: available falls.',
  HOLD: 'An action was held: available falls, held rises.',
  CAPTURE: 'A held credit was spent: held falls.',
  VOID: 'A held credit came back: held falls, available rises.',
  REFUND: 'A spent credit came back: available rises.',
  EXPIRE: 'What was left of a grant expired: available falls, or paused where the grant is paused.',
  REVOKE: 'What was left of a grant was taken: available falls, or paused where the grant is paused.',
  PAUSE: 'A top-up may not be spent any more: available falls, paused rises.',
  RESUME: 'A top-up may be spent again: paused falls, available rises.',
};

export const LedgerEntryKindEnum = Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, kind]));
registerEnumType(LedgerEntryKindEnum, {
  name: 'LedgerEntryKind',
  description: 'The movements of credits.',
  valuesConfig: Object.fromEntries(Object.entries(KINDS).map(([kind, description]) => [kind, { description }])),
});

@ObjectType('LedgerEntry', {
  implements: Node,
  description: 'One movement of credits: append-only, numbered per owner without gaps.',
  simpleResolvers: true,
})
export class LedgerEntryType extends Node {
  ownerId!: number;
  grantSequence!: number;
  actionSequence!: number | null;

  @Field(() => SafeInt, { description: '1, 2, … per owner, without a gap.' })
  @AllowedTo(...MANAGERS)
  sequence!: number;

  @Field(() => LedgerEntryKindEnum, { description: 'What moved where.' })
  @AllowedTo(...MANAGERS)
  kind!: LedgerEntryKind;

  @Field(() => Int, { description: 'How many credits moved, always positive.' })
  @AllowedTo(...MANAGERS)
  credits!: number;

  @Field(() => Int, { description: 'Credits available in the pool right after this entry.' })
  @AllowedTo(...MANAGERS)
  available!: number;

  @Field(() => Int, { description: 'Credits held in the pool right after this entry.' })
  @AllowedTo(...MANAGERS)
  held!: number;

  @Field(() => Int, { description: 'Credits paused in the pool right after this entry.' })
  @AllowedTo(...MANAGERS)
  paused!: number;

  @Field(() => GrantType, { description: 'The grant whose credits moved.' })
  @AllowedTo(...MANAGERS)
  grant!: GrantType;

  @Field(() => IntegrationActionType, {
    nullable: true,
    description: 'The action, of DEBIT, HOLD, CAPTURE, VOID and REFUND.',
  })
  @AllowedTo(...MANAGERS)
  action!: IntegrationActionType | null;

  @Field(() => DateTime, { description: 'When it took effect: for what falls due by itself, the due instant.' })
  @AllowedTo(...MANAGERS)
  at!: number;
}

export const LedgerEntryConnection = connectionTypes('LedgerEntry', () => LedgerEntryType).Connection;

@ObjectType('LedgerVerification', { description: 'Whether the books add up.', simpleResolvers: true })
export class LedgerVerificationType {
  @Field(() => Boolean, { description: 'Whether no problem was found.' })
  @AllowedTo(...MANAGERS)
  ok!: boolean;

  @Field(() => SafeInt, { description: 'How many owners were verified.' })
  @AllowedTo(...MANAGERS)
  owners!: number;

  @Field(() => SafeInt, { description: 'How many ledger entries were recomputed.' })
  @AllowedTo(...MANAGERS)
  entries!: number;

  @Field(() => [String], { description: 'Each problem with its owner, its entry and its invariant; the first 100.' })
  @AllowedTo(...MANAGERS)
  problems!: readonly string[];
}

export function presentEntry(entry: LedgerEntry): LedgerEntryType {
  const { ownerId, sequence, kind, credits, available, held, paused, grantSequence, actionSequence, at } = entry;
  const presented = { ownerId, sequence, kind, credits, available, held, paused, grantSequence, actionSequence, at };
  return { id: publicId('ledgerEntry', ownerId, sequence), ...presented } as LedgerEntryType;
}
