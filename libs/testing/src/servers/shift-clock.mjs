// Loaded into a process before its own code (`node --import`), by `testClock`: lets a test set that process's time of day, as somebody sets a machine's.
// Clocks that measure (`performance.now`, `process.hrtime`, timers) are not touched: they are what nobody can set.
import { readFileSync, writeFileSync } from 'node:fs';

const file = process.env.FORNAX_TEST_CLOCK_FILE;
const now = Date.now.bind(Date);
let setByMs = 0;

if (file) {
  globalThis.Date = new Proxy(Date, {
    construct: (target, args, asked) =>
      Reflect.construct(
        target,
        args.length === 0 ? [now() + setByMs] : args,
        asked === globalThis.Date ? target : asked,
      ),
    apply: (target) => new target(now() + setByMs).toString(),
    get: (target, key) => (key === 'now' ? () => now() + setByMs : Reflect.get(target, key)),
  });
  setInterval(() => {
    let text = '';
    try {
      text = readFileSync(file, 'utf8');
    } catch {
      return;
    }
    if (!text.endsWith('\n') || Number(text) === setByMs) return;
    setByMs = Number(text);
    writeFileSync(`${file}.${process.pid}`, text);
  }, 20).unref();
}
