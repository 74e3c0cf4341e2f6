import { Column, Entity, PrimaryColumn } from 'typeorm';
import { wholeNumberColumn } from '../database/whole-number';

/** Who holds a plan and a pool. What concerns credits stands in the pool's row, which the ledger keeps. */
@Entity({ name: 'owners' })
export class OwnerRow {
  /** Ascends with the time of creation, so that the newest owners have the highest ids. */
  @PrimaryColumn({ type: 'bigint', transformer: wholeNumberColumn })
  id!: number;

  @Column({ type: 'varchar', length: 255 })
  name!: string;

  @Column({ type: 'varchar', length: 255, nullable: true })
  email!: string | null;

  @Column({ name: 'external_id', type: 'varchar', length: 255, nullable: true })
  externalId!: string | null;

  @Column({ name: 'created_at', type: 'bigint', transformer: wholeNumberColumn })
  createdAt!: number;
}
