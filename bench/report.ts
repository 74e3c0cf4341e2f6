import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { reaches, type Figure } from './measures/measure';

const RESULTS = join(__dirname, 'results');

/** The figures against their bars and aims, as text. */
export function table(figures: Figure[]): string {
  const header = ['#', 'measure', 'value', 'bar', 'aim', ''];
  const rows = figures.map((figure) => [
    figure.id,
    figure.name,
    figure.value === undefined ? '–' : amount(figure, readable(figure.value)),
    limit(figure, figure.bar),
    limit(figure, figure.aim),
    verdict(figure),
  ]);
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const line = (row: string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd();
  const lines = [line(header)];
  rows.forEach((row, index) => lines.push(line(row), ...figures[index]!.details.map((detail) => `    ${detail}`)));
  return lines.join('\n');
}

/** What is written to bench/results/latest.json: a figure that was not measured has the value null. */
export function latest(figures: Figure[], short: boolean): object {
  const measures = figures.map((figure) => ({ ...figure, value: figure.value ?? null, pass: passes(figure) }));
  return { short, measures };
}

/** Writes a file of bench/results as JSON, and returns its path. */
export function writeResults(name: string, results: object): string {
  const path = join(RESULTS, name);
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(path, `${JSON.stringify(results, null, 2)}\n`);
  return path;
}

/** A bar or an aim, with the side on which it is met. */
function limit(figure: Figure, value: number): string {
  return `${figure.lowerIsBetter === true ? '≤' : '≥'} ${amount(figure, String(value))}`;
}

function amount({ unit = '×' }: Figure, value: string): string {
  return unit === '×' ? `${value}×` : `${value} ${unit}`;
}

/** Three digits; never 1.23e+4. */
function readable(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3);
}

function passes(figure: Figure): boolean {
  return figure.value !== undefined && reaches(figure, figure.value, figure.bar);
}

function verdict(figure: Figure): string {
  const { value, aim } = figure;
  if (value === undefined) return 'not measured';
  if (!passes(figure)) return 'BELOW THE BAR';
  return reaches(figure, value, aim) ? 'aim met' : 'bar met';
}
