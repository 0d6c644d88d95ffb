import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

// Beside the program and not in a folder that other users can write to. Failing to make it only costs time.
enableCompileCache(fileURLToPath(new URL('./.compile-cache', import.meta.url)));
const { runProcess } = await import('./run-cli.ts');
await runProcess();
