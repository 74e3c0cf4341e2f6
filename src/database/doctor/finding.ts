/**
 * What one check came to. `unsafe`: credits can be lost or doubled, or debits cannot work; `warning`: worth mending, and
 * no credit is at risk; `unknown`: it could not be looked at.
 */
export type Verdict = 'safe' | 'warning' | 'unknown' | 'unsafe';

/** One thing that was looked at, in words for an operator. Never holds a password. */
export interface Finding {
  /** A stable name, such as `flush-at-commit`, for scripts. */
  readonly check: string;
  readonly verdict: Verdict;
  readonly what: string;
  /** Why it matters. Only where it is not safe, as is `mend`. */
  readonly why?: string;
  readonly mend?: string;
}

/** What was looked at, and what was found. */
export interface Diagnosis {
  /** Such as "MariaDB 10.11.6 at db:3306, database credits". */
  readonly subject: string;
  readonly findings: readonly Finding[];
}

export function safe(check: string, what: string): Finding {
  return { check, verdict: 'safe', what };
}

/** Of a whole: unsafe where anything is, else unknown where anything is, else safe; warnings do not count. */
export function verdictOf(findings: readonly Finding[]): Exclude<Verdict, 'warning'> {
  const has = (verdict: Verdict) => findings.some((finding) => finding.verdict === verdict);
  return has('unsafe') ? 'unsafe' : has('unknown') ? 'unknown' : 'safe';
}

/** Runs one group of checks; where it fails as a whole, that is a finding too, and the other groups go on. */
export async function attempt(check: string, group: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await group();
  } catch (error) {
    const what = `This could not be looked at: ${(error as Error).message}`;
    return [
      { check, verdict: 'unknown', what, why: 'What is not seen may be wrong.', mend: 'Mend that, and ask again.' },
    ];
  }
}
