/** One contender's line in each panel. */
export interface Curve {
  name: string;
  points: { connections: number; perSecond: number; p50Ms: number; p99Ms: number }[];
}

type Amount = 'perSecond' | 'p50Ms' | 'p99Ms';

const PANELS: { amount: Amount; title: string }[] = [
  { amount: 'perSecond', title: 'Debits per second' },
  { amount: 'p50Ms', title: 'Latency p50, ms' },
  { amount: 'p99Ms', title: 'Latency p99, ms' },
];
const WIDTH = 960;
const HEIGHT = 436;
const PANEL = { left: 56, top: 108, width: 240, height: 246, gap: 64 };
/** Room inside a panel, so that its first and last points do not touch the frame. */
const INSET = 14;
const LEGEND_WIDTHS = [134, 140, 240, 172, 150];

/**
 * The curves as an SVG: throughput and latencies against connections, on logarithmic axes. Its colours follow the
 * reader's light or dark scheme, on a ground of its own, as the page around it may be the other way. Shapes tell the
 * lines apart without colours.
 */
export function drawPlot(curves: Curve[], caption: string): string {
  const names = curves.map(({ name }) => name).join(', ');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">
<title>Durable debits against concurrency</title>
<desc>Debits per second and latencies from 1 to 256 connections: ${escaped(names)}. ${escaped(caption)}</desc>
<style>
${STYLE}
</style>
<rect class="ground" width="${WIDTH}" height="${HEIGHT}" rx="8"/>
<text class="heading" x="24" y="32">Durable debits of one hot owner over HTTP</text>
${curves.map((curve, index) => legendEntry(curve, index)).join('\n')}
${PANELS.map((panel, index) => drawPanel(curves, panel, PANEL.left + index * (PANEL.width + PANEL.gap))).join('\n')}
<text class="note" x="24" y="${HEIGHT - 14}">${escaped(caption)}</text>
</svg>
`;
}

const STYLE = `  svg {
    font: 12px system-ui, sans-serif;
    --ground: #ffffff; --ink: #1f2328; --faint: #59636e; --line: #d1d9e0; --minor: #eef1f4;
    --c0: #0550ae; --c1: #0a8f9c; --c2: #1a7f37; --c3: #9a4fd0; --c4: #bc4c00;
  }
  @media (prefers-color-scheme: dark) {
    svg {
      --ground: #0d1117; --ink: #f0f6fc; --faint: #9198a1; --line: #3d444d; --minor: #21262d;
      --c0: #6cb6ff; --c1: #4fd6e0; --c2: #57d364; --c3: #d2a8ff; --c4: #ffa657;
    }
  }
  .ground { fill: var(--ground); }
  text { fill: var(--ink); }
  .heading { font-size: 16px; font-weight: 600; }
  .panel { font-weight: 600; }
  .note, .tick { fill: var(--faint); font-size: 11px; }
  .major { stroke: var(--line); }
  .minor { stroke: var(--minor); }
  .curve { fill: none; stroke-width: 1.75; }
  .ours { stroke-width: 3; }
${[0, 1, 2, 3, 4].map(coloursOf).join('\n')}`;

function coloursOf(index: number): string {
  return `  .s${index} { stroke: var(--c${index}); }\n  .m${index} { fill: var(--c${index}); }`;
}

function legendEntry({ name }: Curve, index: number): string {
  const x = 24 + LEGEND_WIDTHS.slice(0, index).reduce((sum, width) => sum + width, 0);
  const line = `<path class="curve s${index}${isOurs(name) ? ' ours' : ''}" d="M${x} 58h24"/>`;
  return `${line}${marker(index, x + 12, 58)}<text x="${x + 30}" y="62">${escaped(name)}</text>`;
}

function drawPanel(curves: Curve[], { amount, title }: (typeof PANELS)[number], left: number): string {
  const { top, width, height } = PANEL;
  const values = curves.flatMap(({ points }) => points.map((point) => point[amount]));
  const scale = logarithmic(values, { from: top + height, to: top });
  const concurrencies = curves[0]?.points.map(({ connections }) => connections) ?? [];
  const step = (width - 2 * INSET) / Math.max(concurrencies.length - 1, 1);
  const xOf = (index: number): number => left + INSET + index * step;
  const grid = scale.ticks.map(({ value, y, major }) => {
    const label = major
      ? `<text class="tick" x="${left - 6}" y="${round(y + 4)}" text-anchor="end">${short(value)}</text>`
      : '';
    return `<path class="${major ? 'major' : 'minor'}" d="M${left} ${round(y)}h${width}"/>${label}`;
  });
  const ticks = concurrencies.map(
    (connections, index) =>
      `<text class="tick" x="${round(xOf(index))}" y="${top + height + 18}" text-anchor="middle">${connections}</text>`,
  );
  // Ours last, so that it lies on top.
  const lines = curves.map(({ name, points }, index) => {
    const at = points.map((point, place) => ({ x: round(xOf(place)), y: round(scale.y(point[amount])) }));
    const path = at.map(({ x, y }, place) => `${place === 0 ? 'M' : 'L'}${x} ${y}`).join('');
    const markers = at.map(({ x, y }) => marker(index, x, y)).join('');
    return `<path class="curve s${index}${isOurs(name) ? ' ours' : ''}" d="${path}"/>${markers}`;
  });
  return [
    `<text class="panel" x="${left}" y="${top - 12}">${title}</text>`,
    ...grid,
    ...ticks,
    `<text class="tick" x="${left + width / 2}" y="${top + height + 36}" text-anchor="middle">connections</text>`,
    ...lines.reverse(),
  ].join('\n');
}

const POWERS = Array.from({ length: 12 }, (_, index) => Number(`1e${index - 4}`));
const STEPS = POWERS.flatMap((power) => [power, 2 * power, 5 * power]);

interface Scale {
  y(value: number): number;
  ticks: { value: number; y: number; major: boolean }[];
}

/** A logarithmic axis over whole steps of 1, 2 and 5 that holds all values; powers of ten are its major ticks. */
function logarithmic(values: number[], { from, to }: { from: number; to: number }): Scale {
  const low = STEPS.filter((step) => step <= Math.min(...values)).at(-1) ?? STEPS[0]!;
  // Above the lowest step also where all values are alike: the axis needs a length.
  const high = STEPS.find((step) => step > low && step >= Math.max(...values)) ?? STEPS.at(-1)!;
  const y = (value: number): number => from + ((to - from) * Math.log(value / low)) / Math.log(high / low);
  const within = STEPS.filter((step) => step >= low && step <= high);
  const powers = within.filter((step) => POWERS.includes(step));
  const major = powers.length >= 3 ? powers : within;
  return { y, ticks: within.map((value) => ({ value, y: y(value), major: major.includes(value) })) };
}

/** A shape of its own for each line: circle, square, diamond, triangle, cross. */
function marker(index: number, x: number, y: number): string {
  const shapes = [
    `M${round(x - 4)} ${y}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z`,
    `M${round(x - 3.5)} ${round(y - 3.5)}h7v7h-7z`,
    `M${x} ${round(y - 5)}l5 5l-5 5l-5 -5z`,
    `M${x} ${round(y - 5)}l5 8.5h-10z`,
    `M${round(x - 4)} ${round(y - 1.5)}h2.5v-2.5h3v2.5h2.5v3h-2.5v2.5h-3v-2.5h-2.5z`,
  ];
  return `<path class="m${index}" d="${shapes[index % shapes.length]}"/>`;
}

function isOurs(name: string): boolean {
  return name.startsWith('ours');
}

function short(value: number): string {
  return value >= 1000 ? `${value / 1000}k` : String(value);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
