import { CreateLedger1764000000000 } from './1764000000000-create-ledger';

/** In order. A list rather than a file pattern, so that the built and the source tree run the same ones. */
export const migrations = [CreateLedger1764000000000];
