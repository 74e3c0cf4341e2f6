import type { IconName } from '../design/icon';

const NAME = 'credits-theme';

export type Theme = 'system' | 'light' | 'dark';

interface ThemeOption {
  readonly value: Theme;
  readonly title: string;
  readonly icon: IconName;
}

export const THEMES: readonly [ThemeOption, ...ThemeOption[]] = [
  { value: 'system', title: 'System theme', icon: 'system' },
  { value: 'light', title: 'Light theme', icon: 'sun' },
  { value: 'dark', title: 'Dark theme', icon: 'moon' },
];

/** What the viewer chose; public/theme.js has applied it before the first paint. */
export function chosenTheme(): Theme {
  return (document.documentElement.dataset['theme'] as Theme | undefined) ?? 'system';
}

/** Applies a theme and keeps it on this device, where storage is allowed. */
export function chooseTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
  try {
    localStorage.setItem(NAME, theme);
  } catch {
    // It holds until the page is closed.
  }
}
