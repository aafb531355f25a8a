import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MEMORY_MB = 3_072;

/**
 * Boots a machine on the files of this one and shows what it prints.
 * @param order what it is to run: files of a folder that it reads
 * @returns the exit code that it told, undefined when it told none
 */
export const boot = async ({ program, kernel, initramfs, order, folder, timeoutMs }) => {
  const orders = join(folder, order.who);
  mkdirSync(orders);
  for (const [name, text] of Object.entries(order)) writeFileSync(join(orders, name), text);
  const shared = (id, path) => [
    ...['-fsdev', `local,id=${id},path=${path},security_model=none,readonly=on,multidevs=remap`],
    ...['-device', `virtio-9p-pci,fsdev=${id},mount_tag=${id}`],
  ];
  const machine = spawn(
    program,
    [
      ...['-machine', 'pc', '-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', String(MEMORY_MB)],
      ...['-nodefaults', '-no-reboot', '-display', 'none', '-serial', 'stdio'],
      ...['-kernel', kernel, '-initrd', initramfs, '-append', 'console=ttyS0 quiet panic=-1 cgroup_no_v1=all'],
      ...shared('host', '/'),
      ...shared('order', orders),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const deadline = setTimeout(() => machine.kill('SIGKILL'), timeoutMs);
  const end = () => machine.kill('SIGKILL');
  process.once('exit', end);
  let tail = '';
  machine.stdout.on('data', (chunk) => {
    process.stderr.write(chunk);
    tail = (tail + chunk.toString()).slice(-4_096);
  });
  await new Promise((resolve, reject) => {
    machine.once('error', reject);
    machine.once('close', resolve);
  });
  clearTimeout(deadline);
  process.off('exit', end);
  const code = /FORNAX-EXIT (\d+)/.exec(tail)?.[1];
  return code === undefined ? undefined : Number(code);
};
