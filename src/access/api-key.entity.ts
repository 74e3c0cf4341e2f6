import { Column, Entity, PrimaryColumn } from 'typeorm';
import { wholeNumberColumn } from '../database/whole-number';
import type { ApiKeyRole } from './api-key-secret';

/** A key, known by the SHA-256 of its secret. The owner of an ADMIN key is 0, so that every row has an owner to shard by. */
@Entity({ name: 'api_keys' })
export class ApiKeyRow {
  @PrimaryColumn({ name: 'owner_id', type: 'bigint', transformer: wholeNumberColumn })
  ownerId!: number;

  @PrimaryColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'varchar', length: 255 })
  name!: string;

  @Column({ type: 'varchar', length: 16 })
  role!: ApiKeyRole;

  @Column({ name: 'app_id', type: 'int', nullable: true })
  appId!: number | null;

  @Column({ type: 'blob' })
  hash!: Buffer;

  @Column({ type: 'varchar', length: 32 })
  hint!: string;

  @Column({ name: 'created_at', type: 'bigint', transformer: wholeNumberColumn })
  createdAt!: number;

  @Column({ name: 'last_used_at', type: 'bigint', nullable: true, transformer: wholeNumberColumn })
  lastUsedAt!: number | null;

  @Column({ name: 'expires_at', type: 'bigint', nullable: true, transformer: wholeNumberColumn })
  expiresAt!: number | null;

  @Column({ name: 'revoked_at', type: 'bigint', nullable: true, transformer: wholeNumberColumn })
  revokedAt!: number | null;
}
