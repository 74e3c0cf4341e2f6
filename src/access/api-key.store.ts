import type { Instant } from '../clock';
import type { Database } from '../database/database';
import { isDuplicate } from '../database/failure';
import { ApiKeyRow } from './api-key.entity';
import type { ApiKey, ApiKeyStore, KnownKey, NewApiKey } from './api-keys';
import { nameOf } from './known-keys';

const NUMBER_ATTEMPTS = 8;

export class SqlApiKeyStore implements ApiKeyStore {
  constructor(private readonly database: Database) {}

  async byHashes(hashes: readonly Buffer[]): Promise<Map<string, KnownKey>> {
    const rows = await this.database.reader.query<Record<string, unknown>>(
      `SELECT k.hash, k.owner_id, k.id, k.role, k.app_id, k.last_used_at, k.expires_at, k.revoked_at, a.allowed_origins
       FROM api_keys k LEFT JOIN apps a ON a.owner_id = k.owner_id AND a.id = k.app_id
       WHERE k.hash IN (${hashes.map(() => '?').join(', ')})`,
      hashes,
    );
    return new Map(rows.map((row) => [nameOf(row['hash'] as Buffer), knownKeyOf(row)]));
  }

  /** Keys are numbered per owner. Two that are created at once may meet in a number: the later one takes the next. */
  async insert(key: NewApiKey): Promise<ApiKey> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.database.write(async (session) => {
          if (this.database.kind === 'mysql') {
            // The first key's lock makes one come after the other; only while there is none may they meet.
            await session.query('SELECT id FROM api_keys WHERE owner_id = ? AND id = 1 FOR UPDATE', [key.ownerId]);
          }
          const [row] = await session.query<{ last: unknown }>(
            'SELECT MAX(id) AS last FROM api_keys WHERE owner_id = ?',
            [key.ownerId],
          );
          const created = { ...key, id: Number(row?.last ?? 0) + 1, lastUsedAt: null, revokedAt: null };
          await session.manager.insert(ApiKeyRow, created);
          return created;
        });
      } catch (error) {
        if (attempt >= NUMBER_ATTEMPTS || !isDuplicate(error)) throw error;
      }
    }
  }

  byId(ownerId: number, id: number): Promise<ApiKey | null> {
    return this.database.reader.manager.findOneBy(ApiKeyRow, { ownerId, id });
  }

  list(ownerId: number, appId: number | null): Promise<ApiKey[]> {
    return this.database.reader.manager.find(ApiKeyRow, {
      where: { ownerId, ...(appId !== null && { appId }) },
      order: { id: 'DESC' },
    });
  }

  async update(ownerId: number, id: number, changes: Partial<Pick<ApiKey, 'expiresAt' | 'revokedAt'>>): Promise<void> {
    await this.database.write((session) => session.manager.update(ApiKeyRow, { ownerId, id }, changes));
  }

  async touch(used: readonly { ownerId: number; id: number; at: Instant }[]): Promise<void> {
    await this.database.write(async (session) => {
      for (const { ownerId, id, at } of used) {
        await session.execute(
          `UPDATE api_keys SET last_used_at = ? WHERE owner_id = ? AND id = ? AND (last_used_at IS NULL OR last_used_at < ?)`,
          [at, ownerId, id, at],
        );
      }
    });
  }

  async countAdmin(): Promise<number> {
    return this.database.reader.manager.countBy(ApiKeyRow, { ownerId: 0 });
  }
}

function knownKeyOf(row: Readonly<Record<string, unknown>>): KnownKey {
  const number = (value: unknown) => (value === null ? null : Number(value));
  return {
    ownerId: Number(row['owner_id']),
    id: Number(row['id']),
    role: row['role'] as KnownKey['role'],
    appId: number(row['app_id']),
    lastUsedAt: number(row['last_used_at']),
    expiresAt: number(row['expires_at']),
    revokedAt: number(row['revoked_at']),
    allowedOrigins: originsOf(row['allowed_origins']),
  };
}

/** What cannot be read allows no origin, and does not fail the look-ups of other keys. */
function originsOf(text: unknown): string[] {
  try {
    return typeof text === 'string' ? (JSON.parse(text) as string[]) : [];
  } catch {
    return [];
  }
}
