import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { readConfig } from './src/config';
import { connectionOptions } from './src/database/connection-options';
import { entities } from './src/database/entities';

/** For TypeORM's command line, after a build: `npx typeorm migration:show -d dist/ormconfig.js`. */
export default new DataSource(connectionOptions(readConfig().databaseUrl, { entities }));
