/** The work's result; fails where it takes longer, with what is said then: something that must not hang does. */
export async function within<T>(limitMs: number, work: Promise<T>, problem: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(problem())), limitMs);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
