import { createContext, useContext, useSyncExternalStore } from 'react';
import type { Api } from './client';
import type { ConnectionState } from './connection';

export const ApiContext = createContext<Api | null>(null);

/** The API client of whoever is signed in. */
export function useApi(): Api {
  const api = useContext(ApiContext);
  if (!api) throw new Error('Nobody is signed in here.');
  return api;
}

/** How the live connection is. */
export function useConnection(): ConnectionState {
  const { connection } = useApi();
  return useSyncExternalStore(connection.subscribe, connection.state);
}
