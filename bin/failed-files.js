/** A reporter of node:test that writes the files with a test that failed, one a line. */
export default async function* failedFiles(events) {
  for await (const { type, data } of events) {
    const isExpected = data?.todo !== undefined && data.todo !== false;
    if (type === 'test:fail' && data.file && !isExpected) yield `${data.file}\n`;
  }
}
