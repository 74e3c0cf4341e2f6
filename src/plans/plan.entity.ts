import { Column, Entity, PrimaryColumn } from 'typeorm';
import { wholeNumberColumn } from '../database/whole-number';

const truth = {
  to: (value: unknown) => (value === undefined ? value : Number(value)),
  from: (value: unknown) => value === 1,
};

/** A plan as it is offered now. The terms it had before stand in `plan_terms`, for renewals that were missed. */
@Entity({ name: 'plans' })
export class PlanRow {
  @PrimaryColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'varchar', length: 64 })
  code!: string;

  @Column({ type: 'varchar', length: 255 })
  name!: string;

  @Column({ name: 'monthly_credits', type: 'int' })
  monthlyCredits!: number;

  @Column({ name: 'max_apps', type: 'int', nullable: true })
  maxApps!: number | null;

  @Column({ name: 'top_ups_allowed', type: 'smallint', transformer: truth })
  topUpsAllowed!: boolean;

  @Column({ name: 'rollover_limit', type: 'int' })
  rolloverLimit!: number;

  @Column({ name: 'archived_at', type: 'bigint', nullable: true, transformer: wholeNumberColumn })
  archivedAt!: number | null;

  @Column({ name: 'created_at', type: 'bigint', transformer: wholeNumberColumn })
  createdAt!: number;
}

/** A plan's terms from an instant on. Never changed: an edit adds a row. */
@Entity({ name: 'plan_terms' })
export class PlanTermsRow {
  @PrimaryColumn({ name: 'plan_id', type: 'int' })
  planId!: number;

  @PrimaryColumn({ name: 'effective_from', type: 'bigint', transformer: wholeNumberColumn })
  effectiveFrom!: number;

  @Column({ name: 'monthly_credits', type: 'int' })
  monthlyCredits!: number;

  @Column({ name: 'top_ups_allowed', type: 'smallint', transformer: truth })
  topUpsAllowed!: boolean;

  @Column({ name: 'rollover_limit', type: 'int' })
  rolloverLimit!: number;
}
