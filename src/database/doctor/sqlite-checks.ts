import { constants, existsSync } from 'node:fs';
import { access, open, realpath, statfs } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { SqliteDatabase } from '../sqlite-driver';
import { attempt, safe, type Diagnosis, type Finding } from './finding';
import { checkSchema } from './schema-drift';
import { expectedSchema, sqliteSchema } from './schema-shape';

const HEADER_BYTES = 100;
const MAGIC = 'SQLite format 3\0';
/** In the header, where the file is in write-ahead mode; https://www.sqlite.org/fileformat.html */
const WRITE_VERSION_AT = 18;
const WAL_VERSION = 2;
const FREE_BYTES = 500 * 1024 * 1024;

/** What statfs calls them; https://man7.org/linux/man-pages/man2/statfs.2.html */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x01021997, '9P'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
]);
const MEMORY_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
]);
const LAYERED_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([[0x794c7630, 'overlay']]);

/** Looks at a database file without writing to it, nor to its folder: where it is not there, it is not made. */
export async function diagnoseSqlite(databaseUrl: string): Promise<Diagnosis> {
  const file = path.resolve(databaseUrl.slice('sqlite:'.length));
  const subject = `SQLite at ${file}`;
  if (!existsSync(file)) {
    const missing: Finding = {
      check: 'file',
      verdict: 'unknown',
      what: 'there is no such file',
      why: 'There is no ledger to look at.',
      mend: 'Look at DATABASE_URL; the first start of the service makes the file.',
    };
    return { subject, findings: [missing] };
  }
  return {
    subject,
    findings: [
      ...(await attempt('writable', () => checkAccess(file))),
      ...(await attempt('file-system', async () => [await checkFileSystem(file)])),
      ...(await attempt('file', () => checkFile(file))),
    ],
  };
}

async function checkAccess(file: string): Promise<Finding[]> {
  const folder = path.dirname(file);
  const closed: string[] = [];
  for (const place of [file, folder]) {
    await access(place, constants.R_OK | constants.W_OK).catch(() => closed.push(place));
  }
  if (closed.length === 0) return [safe('writable', 'the file and its folder can be written to')];
  return [
    {
      check: 'writable',
      verdict: 'unsafe',
      what: `cannot be written to by this user: ${closed.join(', ')}`,
      why: 'No debit can work. The write-ahead log stands beside the file, so the folder must be writable too.',
      mend: 'Give both to the user that runs the service, on a file system that is mounted for writing.',
    },
  ];
}

async function checkFileSystem(file: string): Promise<Finding> {
  const { type, bavail, bsize } = await statfs(path.dirname(await realpath(file)));
  return fileSystemFinding(type, bavail * bsize);
}

/** What the kind of a file system, as statfs numbers it, and its free space mean for a database in it. */
export function fileSystemFinding(type: number, freeBytes: number): Finding {
  const finding = (verdict: 'unsafe' | 'warning', what: string, why: string, mend: string): Finding => ({
    check: 'file-system',
    verdict,
    what,
    why,
    mend,
  });
  const network = NETWORK_FILE_SYSTEMS.get(type);
  if (network !== undefined) {
    const why = 'The write-ahead log needs shared memory, and locks that hold: neither is so over a network.';
    return finding('unsafe', `the file is on a network file system (${network})`, why, 'Use a local disk, or MySQL.');
  }
  const memory = MEMORY_FILE_SYSTEMS.get(type);
  if (memory !== undefined) {
    const mend = 'Put the file on a disk.';
    return finding('unsafe', `the file is in memory (${memory})`, 'It is gone when the machine restarts.', mend);
  }
  const layered = LAYERED_FILE_SYSTEMS.get(type);
  if (layered !== undefined) {
    const why = 'It is removed with its container.';
    return finding('warning', `the file is in a container's own layer (${layered})`, why, 'Put it on a volume.');
  }
  if (freeBytes < FREE_BYTES) {
    const what = `only ${Math.floor(freeBytes / 1024 / 1024)} MB are free`;
    return finding('warning', what, 'A full disk refuses every debit.', 'Make room; a debit takes about 500 bytes.');
  }
  return safe('file-system', 'it is a local one, with room');
}

async function checkFile(file: string): Promise<readonly Finding[]> {
  const header = await headerOf(file);
  if (header.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    const what = header.length === 0 ? 'the file is empty' : 'the file is not an SQLite database';
    const mend = 'Look at DATABASE_URL. If it was the ledger, restore a backup.';
    const verdict = header.length === 0 ? 'unknown' : 'unsafe';
    return [{ check: 'file', verdict, what, why: 'There is no ledger in it.', mend }];
  }
  const journal: Finding =
    header[WRITE_VERSION_AT] === WAL_VERSION
      ? safe('journal', 'changes go to a write-ahead log first')
      : {
          check: 'journal',
          verdict: 'warning',
          what: 'the file is not in write-ahead mode',
          why: 'Another program has changed it; readers would wait for writers.',
          mend: 'Nothing: the service sets it when it starts.',
        };
  const database = openWithoutTrace(file);
  try {
    // Of a connection and not of the file: the service's own (connection-options.ts).
    database.pragma('synchronous = FULL');
    const level = Number(database.pragma('synchronous', { simple: true }));
    const [expected, actual] = [await expectedSchema(), await sqliteSchema(async (sql) => database.prepare(sql).all())];
    return [journal, synchronousFinding(level), ...checkSchema(expected, actual)];
  } finally {
    database.close();
  }
}

function synchronousFinding(level: number): Finding {
  if (level >= 2) return safe('synchronous', 'a commit is on disk when it is acknowledged (synchronous = FULL)');
  return {
    check: 'synchronous',
    verdict: 'unsafe',
    what: `synchronous = ${level}`,
    why: 'A debit would be acknowledged before it is on disk.',
    mend: 'This build of SQLite does not take synchronous = FULL: install the packages of package-lock.json.',
  };
}

async function headerOf(file: string): Promise<Buffer> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/**
 * A read-only connection would make a write-ahead log and its index where there are none, and leave them behind. Where
 * there is none, nobody has the file open for writing, so it can be read as one that does not change.
 */
function openWithoutTrace(file: string): SqliteDatabase {
  if (existsSync(`${file}-wal`)) return new SqliteDatabase(file, { readonly: true, fileMustExist: true });
  const url = pathToFileURL(file);
  url.searchParams.set('immutable', '1');
  return new SqliteDatabase(url.href, { readonly: true });
}
