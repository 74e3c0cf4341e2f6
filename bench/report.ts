import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Figure } from './measures/measure';

const RESULTS = join(__dirname, 'results');

/** The figures against their bars and aims, as text. */
export function table(figures: Figure[]): string {
  const header = ['#', 'measure', 'value', 'bar', 'aim', ''];
  const rows = figures.map((figure) => [
    figure.id,
    figure.name,
    figure.value === undefined ? '–' : `${figure.value.toPrecision(3)}×`,
    figure.finalBar === undefined ? `${figure.bar}×` : `${figure.bar}× (later ${figure.finalBar}×)`,
    `${figure.aim}×`,
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

/** Writes bench/results/latest.json and returns its path. */
export function writeResults(figures: Figure[], short: boolean): string {
  const path = join(RESULTS, 'latest.json');
  const measures = figures.map((figure) => ({ ...figure, value: figure.value ?? null, pass: passes(figure) }));
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(path, `${JSON.stringify({ short, measures }, null, 2)}\n`);
  return path;
}

function passes({ value, bar }: Figure): boolean {
  return value !== undefined && value >= bar;
}

function verdict(figure: Figure): string {
  const { value, aim, finalBar } = figure;
  if (value === undefined) return 'not measured';
  if (!passes(figure)) return 'BELOW THE BAR';
  if (value >= aim) return 'aim met';
  return finalBar !== undefined && value < finalBar ? 'bar met, not yet the later one' : 'bar met';
}
