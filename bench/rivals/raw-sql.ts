// Raw SQL: what a team writes that knows its database. One transaction per request, without a mapper and without
// reading before it writes: a conditional UPDATE that takes the credit and reports what is left, then an INSERT of the
// action. Its UNIQUE key keeps an idempotency key from being used twice. Prepared statements, a pool of 10.
import { createPool, type ResultSetHeader } from 'mysql2/promise';
import { serve } from './graphql-server';

const pool = createPool({ uri: process.env['DATABASE_URL'] ?? '', connectionLimit: 10, maxIdle: 10 });

void main();

async function main(): Promise<void> {
  await pool.query('CREATE TABLE owners (id INT PRIMARY KEY, balance INT NOT NULL CHECK (balance >= 0))');
  await pool.query(`
    CREATE TABLE actions (
      id BIGINT AUTO_INCREMENT PRIMARY KEY,
      owner_id INT NOT NULL,
      idempotency_key VARCHAR(255) NOT NULL,
      type VARCHAR(32) NOT NULL,
      model VARCHAR(255) NOT NULL,
      created_at DATETIME(3) NOT NULL,
      UNIQUE (owner_id, idempotency_key)
    )`);
  await serve(async (ownerId, { idempotencyKey, model }) => {
    const connection = await pool.getConnection();
    try {
      await connection.query('BEGIN');
      // LAST_INSERT_ID(expression) brings the new balance back with the UPDATE's own answer: no second look.
      const [taken] = await connection.execute<ResultSetHeader>(
        'UPDATE owners SET balance = LAST_INSERT_ID(balance - 1) WHERE id = ? AND balance >= 1',
        [ownerId],
      );
      if (taken.affectedRows === 0) {
        await connection.query('ROLLBACK');
        return null;
      }
      const [action] = await connection.execute<ResultSetHeader>(
        'INSERT INTO actions (owner_id, idempotency_key, type, model, created_at) VALUES (?, ?, ?, ?, NOW(3))',
        [ownerId, idempotencyKey, 'INVOKE_LLM', model],
      );
      await connection.query('COMMIT');
      return { actionId: String(action.insertId), available: taken.insertId };
    } catch (error) {
      await connection.query('ROLLBACK');
      throw error;
    } finally {
      connection.release();
    }
  });
}
