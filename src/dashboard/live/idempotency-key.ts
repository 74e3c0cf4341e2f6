const BYTES = 16;

/** A new idempotency key. Not by randomUUID, which browsers have only where the page came by HTTPS or from this machine. */
export function createIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(BYTES));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
