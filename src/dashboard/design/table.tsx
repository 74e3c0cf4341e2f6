import type { ReactNode } from 'react';
import { Button } from './button';
import { classNames } from './class-names';
import { Skeleton } from './states';
import styles from './table.module.css';

export interface Column<Row> {
  readonly name: string;
  /** What its header says; for screen readers only where `headerHidden`. */
  readonly header: string;
  readonly headerHidden?: boolean;
  /** Numbers stand at the right. */
  readonly align?: 'right';
  /** Left out on narrow screens. */
  readonly secondary?: boolean;
  /** A CSS width; the other columns share what is left. */
  readonly width?: string;
  readonly cell: (row: Row) => ReactNode;
}

/** Rows with a header that stays in sight. While `rows` is null, `expectedRows` placeholders hold their place. */
export function Table<Row>(props: {
  /** What the table lists, for screen readers. */
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[] | null;
  keyOf: (row: Row) => string;
  expectedRows?: number;
  /** A cell has two lines. */
  tall?: boolean;
  /** In place of the rows where there are none. */
  empty?: ReactNode;
}) {
  const { label, columns, rows, keyOf, expectedRows = 8, tall, empty } = props;
  if (rows?.length === 0 && empty) return empty;
  return (
    <div className={styles.scroller} tabIndex={0} role="region" aria-label={label}>
      <table className={classNames(styles.table, tall && styles.tall)} aria-busy={rows === null}>
        <caption className="visually-hidden">{label}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" className={cellClass(column)} style={{ width: column.width }}>
                {column.headerHidden ? <span className="visually-hidden">{column.header}</span> : column.header}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows
            ? rows.map((row) => (
                <tr key={keyOf(row)}>
                  {columns.map((column) => (
                    <td key={column.name} className={cellClass(column)}>
                      {column.cell(row)}
                    </td>
                  ))}
                </tr>
              ))
            : Array.from({ length: expectedRows }, (_, index) => (
                <tr key={index}>
                  {columns.map((column) => (
                    <td key={column.name} className={cellClass(column)}>
                      <Skeleton width={column.align === 'right' ? 48 : `${55 + ((index * 17) % 35)}%`} />
                    </td>
                  ))}
                </tr>
              ))}
        </tbody>
      </table>
    </div>
  );
}

/** Goes through the pages of a list that has a next page, and where there was one before, back. */
export function Paging(props: { page: number; hasNext: boolean; onPage: (page: number) => void; busy?: boolean }) {
  const { page, hasNext, onPage, busy = false } = props;
  if (page === 1 && !hasNext) return null;
  return (
    <nav className={styles.paging} aria-label="Pages">
      <span aria-live="polite">Page {page}</span>
      <Button icon="back" disabled={page === 1} busy={busy} onClick={() => onPage(page - 1)}>
        Newer
      </Button>
      <Button icon="next" disabled={!hasNext} busy={busy} onClick={() => onPage(page + 1)}>
        Older
      </Button>
    </nav>
  );
}

function cellClass<Row>({ align, secondary }: Column<Row>): string {
  return classNames(align === 'right' && styles.right, secondary && styles.secondary);
}
