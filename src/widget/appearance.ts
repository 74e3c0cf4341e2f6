const CSS = `
:host {
  --_text: var(--credit-meter-text, #1c2024);
  --_muted: var(--credit-meter-muted, #5b6470);
  --_surface: var(--credit-meter-surface, #ffffff);
  --_track: var(--credit-meter-track, #e3e7ec);
  --_fill: var(--credit-meter-fill, #1f6feb);
  --_held: var(--credit-meter-held, #9ab8ee);
  --_low: var(--credit-meter-low, #c2410c);
  display: inline-block;
  box-sizing: border-box;
  inline-size: var(--credit-meter-width, 14rem);
  max-inline-size: 100%;
  contain: layout style;
  color-scheme: light;
}
:host([hidden]) { display: none; }
:host([theme='dark']) {
  --_text: var(--credit-meter-text, #e9edf2);
  --_muted: var(--credit-meter-muted, #a3adba);
  --_surface: var(--credit-meter-surface, #171a1f);
  --_track: var(--credit-meter-track, #343b45);
  --_fill: var(--credit-meter-fill, #6ea8fe);
  --_held: var(--credit-meter-held, #3f5f92);
  --_low: var(--credit-meter-low, #fb923c);
  color-scheme: dark;
}
@media (prefers-color-scheme: dark) {
  :host([theme='auto']), :host(:not([theme])) {
    --_text: var(--credit-meter-text, #e9edf2);
    --_muted: var(--credit-meter-muted, #a3adba);
    --_surface: var(--credit-meter-surface, #171a1f);
    --_track: var(--credit-meter-track, #343b45);
    --_fill: var(--credit-meter-fill, #6ea8fe);
    --_held: var(--credit-meter-held, #3f5f92);
    --_low: var(--credit-meter-low, #fb923c);
    color-scheme: dark;
  }
}
.meter {
  box-sizing: border-box;
  padding: var(--credit-meter-padding, 0.75em 0.875em);
  border-radius: var(--credit-meter-radius, 0.625em);
  background: var(--_surface);
  color: var(--_text);
  font: var(--credit-meter-font, 0.9375rem/1.4 system-ui, sans-serif);
  text-align: start;
}
.line { display: flex; justify-content: space-between; align-items: baseline; gap: 0.75em; white-space: nowrap; }
.label { color: var(--_muted); overflow: hidden; text-overflow: ellipsis; }
.number { font-weight: 600; font-size: 1.2em; font-variant-numeric: tabular-nums; }
.track { display: flex; block-size: 0.4em; margin-block-start: 0.45em; border-radius: 1em; overflow: hidden; background: var(--_track); }
.fill, .held { flex: none; inline-size: 0; background: var(--_fill); }
.held { background: var(--_held); }
.low .fill { background: var(--_low); }
.low .number { color: var(--_low); }
.stale .track { opacity: 0.55; }
.status { position: absolute; inline-size: 1px; block-size: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (prefers-reduced-motion: no-preference) {
  .fill, .held { transition: inline-size 0.25s ease-out, background-color 0.25s ease-out; }
}
@media (forced-colors: active) {
  .track { border: 1px solid CanvasText; }
  .fill { background: CanvasText; forced-color-adjust: none; }
}
`;

let styles: CSSStyleSheet | undefined;

/** The parts of a meter, all there from the beginning, so that nothing moves when the balance comes. */
export interface Appearance {
  readonly meter: HTMLElement;
  readonly label: HTMLElement;
  readonly number: HTMLElement;
  readonly fill: HTMLElement;
  readonly held: HTMLElement;
  readonly status: HTMLElement;
}

/**
 * Draws an empty meter. Styles are a sheet made by script and elements are made one by one, since a page's content
 * security policy may allow neither inline styles nor HTML from text.
 */
export function draw(root: ShadowRoot): Appearance {
  if (!styles) (styles = new CSSStyleSheet()).replaceSync(CSS);
  root.adoptedStyleSheets = [styles];
  const label = part('span', 'label');
  const number = part('span', 'number');
  const fill = part('div', 'fill');
  const held = part('div', 'held');
  const meter = part('div', 'meter', part('div', 'line', label, number), part('div', 'track', fill, held));
  const status = part('span', 'status');
  status.setAttribute('role', 'status');
  root.append(meter, status);
  return { meter, label, number, fill, held, status };
}

function part(tag: string, name: string, ...children: HTMLElement[]): HTMLElement {
  const element = document.createElement(tag);
  element.className = name;
  if (name !== 'status') element.setAttribute('part', name);
  element.append(...children);
  return element;
}
