/** Seconds of a duration as the API writes it: `1.02:03:04.5670000`. */
export const secondsOf = (text: string): number => {
  const found = /^(?:(\d+)\.)?(\d+):(\d{2}):(\d{2}(?:\.\d+)?)$/.exec(text);
  if (found === null) return 0;
  const [, days = '0', hours = '0', minutes = '0', seconds = '0'] = found;
  return Number(days) * 86_400 + Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds);
};
