/** Numbers and times as the console writes them: a space before the unit, 24 hours, nothing invented. */

export const NOTHING = '–';

export function rate(perSecond: number): string {
  if (perSecond === 0) return '0/s';
  if (perSecond < 0.05) return '< 0.1/s';
  return `${figure(perSecond)}/s`;
}

export function figure(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en-US');
  if (value >= 100) return value.toFixed(0);
  return trim(value.toFixed(1));
}

/** A share 0..1 as percent; small ones keep two digits so that 0.22 % is not read as none. */
export function percent(share: number): string {
  const value = share * 100;
  if (value === 0) return '0 %';
  if (value < 0.01) return '< 0.01 %';
  return `${value < 1 ? trim(value.toFixed(2)) : value < 99.95 ? trim(value.toFixed(1)) : '100'} %`;
}

export function duration(millis: number | null): string {
  if (millis === null) return NOTHING;
  if (millis < 10) return `${trim(millis.toFixed(1))} ms`;
  if (millis < 1000) return `${Math.round(millis)} ms`;
  if (millis < 10_000) return `${(millis / 1000).toFixed(2)} s`;
  return `${Math.round(millis / 1000)} s`;
}

/** A length of time in its largest fitting unit: "12 min", "20 h". */
export function span(millis: number): string {
  const seconds = Math.max(0, Math.round(millis / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h`;
  return `${Math.floor(hours / 24)} days`;
}

export function ago(at: string, now: number): string {
  const millis = now - Date.parse(at);
  return millis < 1500 ? 'now' : `${span(millis)} ago`;
}

export function until(at: string, now: number): string {
  const millis = Date.parse(at) - now;
  return millis < 0 ? `ended ${span(-millis)} ago` : span(millis);
}

function two(value: number, width = 2): string {
  return String(value).padStart(width, '0');
}

export function clock(at: string | number | Date): string {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

export function clockMillis(at: string): string {
  return `${clock(at)}.${two(new Date(at).getMilliseconds(), 3)}`;
}

export function absolute(at: string): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(at)}`;
}

export function day(at: string, now: number): string {
  const start = (time: number) => new Date(time).setHours(0, 0, 0, 0);
  const days = Math.round((start(now) - start(Date.parse(at))) / 86_400_000);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  return absolute(at).slice(0, 10);
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}

/** "shop/payments" -> "payments"; the namespace is shown only where two could be mixed up. */
export function shortName(id: string): string {
  return id.slice(id.indexOf('/') + 1);
}

export function namespaceOf(id: string): string {
  return id.includes('/') ? id.slice(0, id.indexOf('/')) : '';
}

function trim(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
