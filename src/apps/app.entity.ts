import { Column, Entity, PrimaryColumn } from 'typeorm';
import { wholeNumberColumn } from '../database/whole-number';
import type { AppStatus } from '../ledger/pool';

/** An app of an owner. The ledger reads its status and cap, and counts its use, inside the debit's transaction (rule 11). */
@Entity({ name: 'apps' })
export class AppRow {
  @PrimaryColumn({ name: 'owner_id', type: 'bigint', transformer: wholeNumberColumn })
  ownerId!: number;

  /** 1, 2, … among its owner's. */
  @PrimaryColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'varchar', length: 255 })
  name!: string;

  @Column({ type: 'varchar', length: 16 })
  status!: AppStatus;

  @Column({ name: 'credit_cap', type: 'int', nullable: true })
  creditCap!: number | null;

  @Column({ name: 'used_this_period', type: 'bigint', transformer: wholeNumberColumn })
  usedThisPeriod!: number;

  @Column({ name: 'counted_from', type: 'bigint', transformer: wholeNumberColumn })
  countedFrom!: number;

  /** A JSON list. */
  @Column({ name: 'allowed_origins', type: 'text' })
  allowedOrigins!: string;

  @Column({ name: 'created_at', type: 'bigint', transformer: wholeNumberColumn })
  createdAt!: number;
}
