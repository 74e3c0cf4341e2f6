/** Long enough for the browser to have begun to read it. */
const READ_WITHIN_MS = 60_000;

/** Has the browser save a file under a name, as a download. */
export function saveFile(content: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), READ_WITHIN_MS);
}
