import { useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import {
  formatCredits,
  formatInstant,
  formatMonth,
  formatNumber,
  formatShortDay,
  formatShortNumber,
} from '../design/format';
import styles from './usage-chart.module.css';
import type { UsageInterval } from './usage.generated';
import type { UsageStacks } from './usage-stacks';

const HEIGHT = 240;
const HOUR_FORMAT = new Intl.DateTimeFormat(undefined, { weekday: 'short', hour: 'numeric' });
const LABELS: Readonly<Record<UsageInterval, (start: string) => string>> = {
  HOUR: (start) => HOUR_FORMAT.format(new Date(start)),
  DAY: formatShortDay,
  MONTH: formatMonth,
};

interface Pointed {
  readonly index: number;
  readonly left: number;
}

/** Stacked columns, drawn on a canvas; their numbers are also a table for screen readers. */
export default function UsageChart({ usage, interval }: { usage: UsageStacks; interval: UsageInterval }) {
  const holder = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const [pointed, setPointed] = useState<Pointed | null>(null);
  const theme = useThemeCount();
  // Only another shape needs another chart; new numbers are put into the one there is.
  const shape = JSON.stringify([usage.starts, usage.stacks.map(({ color }) => color), interval, theme]);
  const latest = useRef(usage);
  useEffect(() => {
    latest.current = usage;
    chart.current?.setData(dataOf(usage));
  }, [usage]);
  useEffect(() => {
    const element = holder.current as HTMLDivElement;
    const made = new uPlot(
      optionsOf(latest.current, { interval, element, onPoint: setPointed }),
      dataOf(latest.current),
      element,
    );
    chart.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      chart.current = null;
      setPointed(null);
    };
  }, [shape, interval]);
  return (
    <>
      <div ref={holder} className={styles.chart} aria-hidden="true" />
      {pointed && <Tip usage={usage} pointed={pointed} label={LABELS[interval]} />}
      <NumbersTable usage={usage} />
    </>
  );
}

function Tip({ usage, pointed, label }: { usage: UsageStacks; pointed: Pointed; label: (start: string) => string }) {
  const start = usage.starts[pointed.index];
  if (start === undefined) return null;
  const parts = usage.stacks.map((stack) => ({ ...stack, here: stack.credits[pointed.index] ?? 0 }));
  const total = parts.reduce((sum, { here }) => sum + here, 0);
  return (
    <div
      className={styles.tip}
      style={{ left: pointed.left }}
      data-side={pointed.index * 2 > usage.starts.length ? 'left' : 'right'}
    >
      <p className={styles.tipTitle}>
        {label(start)} <span>{formatCredits(total)}</span>
      </p>
      {parts
        .filter(({ here }) => here > 0)
        .reverse()
        .map(({ name, color, here }) => (
          <p key={name}>
            <i style={{ background: `var(${color})` }} />
            {name} <span>{formatNumber(here)}</span>
          </p>
        ))}
    </div>
  );
}

function NumbersTable({ usage }: { usage: UsageStacks }) {
  return (
    // A table does not keep to a width of its own: it is the box around it that is hidden.
    <div className="visually-hidden">
      <table>
        <caption>Credits used</caption>
        <thead>
          <tr>
            <th scope="col">From</th>
            {usage.stacks.map(({ name }) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {usage.starts.map((start, index) => (
            <tr key={start}>
              <th scope="row">{formatInstant(start)}</th>
              {usage.stacks.map(({ name, credits }) => (
                <td key={name}>{credits[index]}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Columns by index, not by time: hours, days and months that differ in length stand equally wide. The tallest is drawn first. */
function dataOf({ starts, stacks }: UsageStacks): uPlot.AlignedData {
  const heights = starts.map(() => 0);
  const layers = stacks.map(({ credits }) =>
    heights.map((height, index) => (heights[index] = height + (credits[index] ?? 0))),
  );
  return [starts.map((_, index) => index), ...layers.reverse()];
}

function optionsOf(
  { starts, stacks }: UsageStacks,
  parts: { interval: UsageInterval; element: HTMLElement; onPoint: (pointed: Pointed | null) => void },
): uPlot.Options {
  const color = colorsOf(parts.element);
  const grid = { stroke: color('--line'), width: 1 };
  const font = `11px ${getComputedStyle(parts.element).fontFamily}`;
  const columns = (uPlot.paths.bars as NonNullable<typeof uPlot.paths.bars>)({ size: [0.72, 40], radius: 0 });
  const label = LABELS[parts.interval];
  const axis = { stroke: color('--ink-faint'), font, ticks: { show: false } };
  return {
    width: parts.element.clientWidth,
    height: HEIGHT,
    padding: [8, 14, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: { time: false, range: [-0.5, starts.length - 0.5] },
      y: { range: (_chart, _min, max) => [0, Math.max(4, max * 1.05)] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 28,
        gap: 8,
        space: 64,
        incrs: [1, 2, 3, 4, 5, 6, 7, 12],
        values: (_chart, places) => places.map((place) => (starts[place] ? label(starts[place]) : '')),
      },
      { ...axis, grid, size: 44, incrs: wholeSteps(), values: (_chart, values) => values.map(formatShortNumber) },
    ],
    series: [
      {},
      ...stacks
        .map(({ color: name }) => ({ fill: color(name), width: 0, paths: columns, points: { show: false } }))
        .reverse(),
    ],
    hooks: {
      setCursor: [
        ({ cursor, bbox }) => {
          const { idx, left = -1 } = cursor;
          parts.onPoint(idx == null || left < 0 ? null : { index: idx, left: left + bbox.left / devicePixelRatio });
        },
      ],
    },
  };
}

/** Credits are whole: no axis says 0.5. */
function wholeSteps(): number[] {
  return Array.from({ length: 10 }, (_, exponent) => [1, 2, 5].map((digit) => digit * 10 ** exponent)).flat();
}

/** A canvas needs colours and not custom properties: the browser resolves them, with the theme. */
function colorsOf(element: HTMLElement): (property: string) => string {
  return (property) => {
    // A transition, however short, would begin at the colour from before: with less motion, everything has one.
    element.style.transition = 'none';
    element.style.color = `var(${property})`;
    const { color } = getComputedStyle(element);
    element.style.color = '';
    element.style.transition = '';
    return color;
  };
}

/** Counts the changes of the theme: a canvas does not follow them by itself. */
function useThemeCount(): number {
  const [count, setCount] = useState(0);
  useEffect(() => {
    const changed = () => setCount((before) => before + 1);
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const observer = new MutationObserver(changed);
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
    dark.addEventListener('change', changed);
    return () => {
      observer.disconnect();
      dark.removeEventListener('change', changed);
    };
  }, []);
  return count;
}
