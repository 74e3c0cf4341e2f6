import type { Stage } from './stage';

/** A program that Debian's packages bring and that a test starts for itself. */
export type Program = 'mariadbd' | 'galera' | 'redis-server';

/** One row of the reliability bars: what is broken, and what must hold all the same. */
export interface FaultTest {
  /** Such as R4. */
  readonly id: string;
  readonly title: string;
  /** What its report counts, such as kills. */
  readonly faults: string;
  readonly needs: readonly Program[];
  /** Throws where something that must hold did not. */
  run(stage: Stage): Promise<void>;
}

/** Fails with the first of the problems; says how many there are. */
export function assertNone(problems: readonly string[], what: string): void {
  if (problems.length === 0) return;
  const named = problems.slice(0, NAMED_PROBLEMS).map((problem) => `\n  - ${problem}`);
  throw new Error(`${what}: ${problems.length} problems${named.join('')}`);
}

const NAMED_PROBLEMS = 8;
