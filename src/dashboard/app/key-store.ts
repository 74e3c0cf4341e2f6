const NAME = 'credits-key';

/** The key of whoever is signed in: of this tab, or of this device where that was asked for. Never in a URL. */
export const keyStore = {
  read(): string | null {
    return stored(() => sessionStorage.getItem(NAME) ?? localStorage.getItem(NAME)) ?? null;
  },
  write(key: string, remember: boolean): void {
    keyStore.clear();
    stored(() => (remember ? localStorage : sessionStorage).setItem(NAME, key));
  },
  clear(): void {
    stored(() => sessionStorage.removeItem(NAME));
    stored(() => localStorage.removeItem(NAME));
  },
};

/** A browser may forbid storage; the key then lives as long as the page. */
function stored<T>(access: () => T): T | undefined {
  try {
    return access();
  } catch {
    return undefined;
  }
}
