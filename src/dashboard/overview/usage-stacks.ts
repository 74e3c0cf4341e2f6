/** Most groups that are told apart; the rest are added up. */
const MOST_GROUPS = 8;

export interface Stack {
  readonly name: string;
  /** A CSS custom property, such as --series-1. */
  readonly color: string;
  readonly total: number;
  /** Credits per bucket. */
  readonly credits: readonly number[];
}

export interface UsageStacks {
  /** When each bucket begins, ascending. */
  readonly starts: readonly string[];
  /** The lowest first. */
  readonly stacks: readonly Stack[];
  readonly total: number;
}

/**
 * Puts usage buckets into stacks of equal length. `names` gives every known group its name, in the order of its colours;
 * beyond the eight busiest, groups are one stack.
 */
export function usageStacks(
  buckets: readonly { readonly start: string; readonly group: string | null; readonly credits: number }[],
  names: ReadonlyMap<string, string>,
): UsageStacks {
  const starts = [...new Set(buckets.map(({ start }) => start))].sort();
  const places = new Map(starts.map((start, index) => [start, index]));
  const groups = new Map<string, number[]>();
  for (const { start, group, credits } of buckets) {
    if (group === null) continue;
    let counts = groups.get(group);
    if (!counts) groups.set(group, (counts = starts.map(() => 0)));
    counts[places.get(start) as number] = credits;
  }
  const known = [...names.keys()];
  const all = [...groups].map(([group, credits]) => ({
    name: names.get(group) ?? group,
    order: known.includes(group) ? known.indexOf(group) : known.length,
    credits,
    total: sum(credits),
  }));
  const used = all.filter(({ total }) => total > 0);
  // Nine types have nine colours; only what is beyond them is put together.
  const most = known.length <= MOST_GROUPS + 1 ? MOST_GROUPS + 1 : MOST_GROUPS;
  const busiest = used.toSorted((a, b) => b.total - a.total);
  const shown = busiest.slice(0, most).sort((a, b) => a.order - b.order);
  const rest = busiest.slice(most);
  const stacks: Stack[] = shown.map(({ name, credits, total, order }, index) => {
    const color = known.length <= most ? order : index;
    return { name, credits, total, color: `--series-${(color % (MOST_GROUPS + 1)) + 1}` };
  });
  if (rest.length > 0) {
    const credits = starts.map((_, index) => sum(rest.map((other) => other.credits[index] ?? 0)));
    stacks.push({ name: `${rest.length} others`, color: `--series-${MOST_GROUPS + 1}`, credits, total: sum(credits) });
  }
  return { starts, stacks, total: sum(stacks.map(({ total }) => total)) };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
