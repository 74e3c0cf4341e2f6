import timers from 'node:timers/promises';

/**
 * Runs `work` with the pauses between retries left out: so many faults would make them last for hours. What a retry
 * waits for is real: the sockets and files of the database.
 */
export async function withoutPauses<T>(work: () => Promise<T>): Promise<T> {
  const { setTimeout } = timers;
  Object.assign(timers, { setTimeout: () => timers.setImmediate() });
  try {
    return await work();
  } finally {
    Object.assign(timers, { setTimeout });
  }
}
