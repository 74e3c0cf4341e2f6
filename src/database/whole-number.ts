import type { ValueTransformer } from 'typeorm';

/** TypeORM hands BIGINT over as text; every integer of ours is below 2^53, so it is read as a number. */
export const wholeNumberColumn: ValueTransformer = {
  to: (value: unknown) => value,
  from: (value: unknown) => (value === null || value === undefined ? null : Number(value)),
};
