import path from 'node:path';
import { defineConfig } from 'vite';

/** One script without imports, which any page loads with one tag. */
export default defineConfig({
  root: import.meta.dirname,
  logLevel: 'warn',
  build: {
    outDir: path.resolve(import.meta.dirname, '../../dist/widget'),
    emptyOutDir: true,
    target: 'es2022',
    lib: { entry: 'credit-meter.ts', formats: ['iife'], name: 'CreditMeter', fileName: () => 'credit-meter.js' },
  },
});
