import { readFile, readdir } from 'node:fs/promises';

/** Frequency of the cores of this machine, their average. */
export interface Frequency {
  readonly ghz: number;
  readonly maxGhz: number;
}

const CPU = '/sys/devices/system/cpu';
const average = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
const rounded = (ghz: number): number => Math.round(ghz * 1_000) / 1_000;

/** GHz of the lines "cpu MHz" of /proc/cpuinfo; ARM machines have none. */
export const ghzOfCpuinfo = (cpuinfo: string): number | undefined => {
  const mhz = average([...cpuinfo.matchAll(/^cpu MHz\s*:\s*([\d.]+)/gm)].map((match) => Number(match[1])));
  return mhz === undefined ? undefined : mhz / 1_000;
};

/** GHz as cpufreq tells it of each core, in kHz; virtual machines have no such files. */
const ghzOfCpufreq = async (file: string): Promise<number | undefined> => {
  const names = (await readdir(CPU).catch(() => [])).filter((name) => /^cpu\d+$/.test(name));
  const texts = await Promise.all(
    names.map((name) => readFile(`${CPU}/${name}/cpufreq/${file}`, 'utf8').catch(() => '')),
  );
  const khz = average(texts.filter((text) => text !== '').map(Number));
  return khz === undefined ? undefined : khz / 1e6;
};

/** @param nominalGhz what the node says of itself, for machines that tell nothing more */
export const readFrequency = async (nominalGhz: number): Promise<Frequency> => {
  const cpuinfo = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
  const ghz = (await ghzOfCpufreq('scaling_cur_freq')) ?? ghzOfCpuinfo(cpuinfo) ?? nominalGhz;
  const maxGhz = (await ghzOfCpufreq('cpuinfo_max_freq')) ?? nominalGhz;
  return { ghz: rounded(ghz), maxGhz: rounded(Math.max(maxGhz, ghz)) };
};
