import type { Measure } from './measure';
import { textbookRatio } from './textbook-ratio';

export const measures: Measure[] = [textbookRatio];
