import { CreateLedger1764000000000 } from './1764000000000-create-ledger';
import { CountUsage1764000100000 } from './1764000100000-count-usage';
import { IndexLists1764000200000 } from './1764000200000-index-lists';
import { CountBehind1764000300000 } from './1764000300000-count-behind';

/** In order. A list rather than a file pattern, so that the built and the source tree run the same ones. */
export const migrations = [
  CreateLedger1764000000000,
  CountUsage1764000100000,
  IndexLists1764000200000,
  CountBehind1764000300000,
];
