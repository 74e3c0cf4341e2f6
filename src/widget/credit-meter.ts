import { type Appearance, draw } from './appearance';
import { type Balance, type Reading, watchBalance } from './live-balance';
import { DASH, fullOf, NOT_SET_UP, numberFormat, sentenceOf } from './words';

const SCRIPT_NAME = '/credit-meter.js';
/** The origin that this script came from is where the API is, unless `endpoint` says otherwise. */
const SCRIPT_URL = (document.currentScript as HTMLScriptElement | null)?.src;

const DEFAULT_LABEL = 'Credits';
/** Below this share of the meter, what is left is shown as little. */
const LOW_SHARE = 0.1;
/** How often, at most, a screen reader is told of a new balance. */
const ANNOUNCEMENT_MS = 30_000;

/**
 * `<credit-meter key="icr_pub_…">`: an owner's balance, live, on any page whose origin the app of the key allows. It
 * never throws: where it may not show the balance, it shows a dash and says why to whoever asks. Dispatches
 * `creditchange` with the balance as its detail. docs/credit-meter.md describes attributes, parts and properties.
 */
class CreditMeter extends HTMLElement {
  static readonly observedAttributes = ['endpoint', 'key', 'publishable-key', 'label', 'locale'];

  private readonly appearance: Appearance;
  private unwatch: (() => void) | null = null;
  private source = '';
  private reading: Reading | null = null;
  private announcing: ReturnType<typeof setTimeout> | undefined;
  private told = '';

  constructor() {
    super();
    this.appearance = draw(this.attachShadow({ mode: 'open' }));
  }

  /** The newest balance; null while there is none to show. */
  get balance(): Balance | null {
    return this.reading?.balance ?? null;
  }

  connectedCallback(): void {
    this.watch();
  }

  disconnectedCallback(): void {
    this.stop();
  }

  attributeChangedCallback(): void {
    if (this.isConnected) this.watch();
  }

  private watch(): void {
    // React keeps the attribute `key` to itself, so the key has a second name.
    const key = (this.getAttribute('key') ?? this.getAttribute('publishable-key') ?? '').trim();
    const endpoint = endpointOf(this.getAttribute('endpoint'));
    const source = `${endpoint} ${key}`;
    // A new label or locale is no reason to connect again.
    if (this.unwatch && source === this.source) return this.render();
    this.stop();
    this.source = source;
    if (!endpoint || !key) return this.render();
    this.unwatch = watchBalance({ endpoint, key }, (reading) => this.receive(reading));
  }

  private stop(): void {
    this.unwatch?.();
    this.unwatch = null;
    this.reading = null;
    clearTimeout(this.announcing);
    this.announcing = undefined;
  }

  private receive(reading: Reading): void {
    const before = this.balance;
    this.reading = reading;
    this.render();
    const { balance } = reading;
    if (balance && balance.version !== before?.version) {
      this.dispatchEvent(new CustomEvent('creditchange', { detail: { ...balance }, bubbles: true, composed: true }));
    }
  }

  private render(): void {
    const { reading, balance, appearance } = this;
    const format = numberFormat(this.getAttribute('locale'));
    const label = this.getAttribute('label') ?? DEFAULT_LABEL;
    const sentence = reading ? sentenceOf(reading, format) : NOT_SET_UP;
    const full = balance ? fullOf(balance) : 0;
    this.setAttribute('status', reading ? reading.status.toLowerCase() : 'unconfigured');
    setText(appearance.label, label);
    setText(appearance.number, balance ? format(balance.available) : DASH);
    appearance.meter.title = sentence;
    appearance.fill.style.inlineSize = share(balance?.available, full);
    appearance.held.style.inlineSize = share(balance?.held, full);
    appearance.meter.classList.toggle('low', !!balance && balance.available <= full * LOW_SHARE);
    appearance.meter.classList.toggle('stale', reading?.status !== 'LIVE');
    this.explain({ label, sentence, full });
  }

  /** What assistive technology is told: a meter while there is a balance, else a picture of a dash with its reason. */
  private explain({ label, sentence, full }: { label: string; sentence: string; full: number }): void {
    const { meter } = this.appearance;
    const { balance } = this;
    const attributes = {
      role: balance ? 'meter' : 'img',
      'aria-label': balance ? label : `${label}: ${sentence}`,
      'aria-valuemin': balance && '0',
      'aria-valuemax': balance && String(Math.max(1, full)),
      'aria-valuenow': balance && String(balance.available),
      'aria-valuetext': balance && sentence,
    };
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null) meter.removeAttribute(name);
      else meter.setAttribute(name, value);
    }
    this.announce(this.reading?.status === 'CONNECTING' ? '' : `${label}: ${sentence}`);
  }

  /** The first news at once, later ones at most every so often, and then the latest only. */
  private announce(news: string): void {
    this.told = news;
    if (this.announcing !== undefined || news === '') return;
    setText(this.appearance.status, news);
    this.announcing = setTimeout(() => {
      this.announcing = undefined;
      if (this.told !== news) this.announce(this.told);
    }, ANNOUNCEMENT_MS);
  }
}

function share(credits: number | undefined, full: number): string {
  return credits && full > 0 ? `${((100 * credits) / full).toFixed(2)}%` : '0%';
}

function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** An absolute http or https URL; null where there is none. */
function endpointOf(attribute: string | null): string | null {
  try {
    const url = attribute ? new URL(attribute, document.baseURI) : new URL('/graphql', scriptUrl());
    return /^https?:$/.test(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** A module, and a script that another one adds, is not told where it comes from; then the page's script tags are looked through. */
function scriptUrl(): string {
  const sources = [...document.scripts].map(({ src }) => src);
  const named = sources.find((source) => source.split(/[?#]/, 1)[0]?.endsWith(SCRIPT_NAME));
  return SCRIPT_URL || named || '';
}

// Two copies of the script on one page, perhaps of two sites' widgets, must not break the page.
if (!customElements.get('credit-meter')) customElements.define('credit-meter', CreditMeter);
